import type { ApiObject } from './versioned-objects';

export interface SliceFields {
  /** `<service>-1` by default. */
  readonly name?: string;
  readonly namespace?: string;
  readonly port?: number;
  readonly portName?: string;
  readonly ready?: boolean;
}

/** An EndpointSlice whose endpoints are these IPv4 addresses, each a pod of its own. */
export function sliceOf(
  service: string,
  addresses: readonly string[],
  {
    name = `${service}-1`,
    namespace = 'default',
    port = 8080,
    portName = 'http',
    ready = true,
  }: SliceFields = {},
): ApiObject {
  const slice = {
    metadata: { name, namespace, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [{ name: portName, port, protocol: 'TCP' }],
    endpoints: addresses.map((address) => ({
      addresses: [address],
      conditions: { ready, serving: ready, terminating: false },
      targetRef: {
        kind: 'Pod',
        name: `pod-${address.replaceAll('.', '-')}`,
        uid: `uid-${address}`,
      },
    })),
  };
  return slice;
}

/** The older Endpoints object of a Service, with the same addresses. */
export function endpointsOf(
  service: string,
  addresses: readonly string[],
  { namespace = 'default' }: Pick<SliceFields, 'namespace'> = {},
): ApiObject {
  const endpoints = {
    metadata: { name: service, namespace },
    subsets:
      addresses.length === 0
        ? null
        : [
            {
              addresses: addresses.map((ip) => ({
                ip,
                targetRef: {
                  kind: 'Pod',
                  name: `pod-${ip.replaceAll('.', '-')}`,
                  uid: `uid-${ip}`,
                },
              })),
              ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
            },
          ],
  };
  return endpoints;
}
