import { isIPv6 } from 'node:net';
import type { EndpointSlice, EndpointTarget, SliceEndpoint, SlicePort } from './endpoint-slice';
import type { KubeObject } from '../list-watch/list-watch';

/**
 * `core/v1` Endpoints, the older form of the same, as far as it is read here: one object a Service, cut at 1,000
 * addresses, without a word on what terminates.
 */
export interface Endpoints extends KubeObject {
  readonly subsets?: readonly EndpointSubset[] | null;
}

export interface EndpointSubset {
  /** Ready. */
  readonly addresses?: readonly EndpointAddress[] | null;
  readonly notReadyAddresses?: readonly EndpointAddress[] | null;
  readonly ports?: readonly SlicePort[] | null;
}

export interface EndpointAddress {
  readonly ip: string;
  readonly nodeName?: string | null;
  readonly targetRef?: EndpointTarget | null;
}

/**
 * The slices that say the same, one a subset and address family. Endpoints without an address are one slice
 * without one, since there is such a Service.
 */
export function slicesOfEndpoints({ metadata, subsets }: Endpoints): EndpointSlice[] {
  const slices = (subsets ?? []).flatMap((subset, index) => {
    const endpoints = [
      ...(subset.addresses ?? []).map((address) => toEndpoint(address, true)),
      ...(subset.notReadyAddresses ?? []).map((address) => toEndpoint(address, false)),
    ];
    return (['IPv4', 'IPv6'] as const).map((addressType) => ({
      metadata: { name: `${metadata.name}-${index}-${addressType.toLowerCase()}` },
      addressType,
      endpoints: endpoints.filter(({ addresses: [ip] }) => isIPv6(ip) === (addressType === 'IPv6')),
      ports: subset.ports ?? [],
    }));
  });
  const filled = slices.filter(({ endpoints }) => endpoints.length > 0);
  return filled.length > 0 ? filled : [{ metadata, addressType: 'IPv4' }];
}

function toEndpoint(
  { ip, nodeName, targetRef }: EndpointAddress,
  ready: boolean,
): SliceEndpoint & { readonly addresses: readonly [string] } {
  return {
    addresses: [ip],
    conditions: { ready },
    nodeName: nodeName ?? null,
    targetRef: targetRef ?? null,
  };
}
