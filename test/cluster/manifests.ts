import { isIPv6 } from 'node:net';
import { testImage } from './cluster';
import type { Manifest } from './test-namespace';

/** Serves until 2 s after the signal to end, so that it is seen draining. */
const server = `
  require('node:http').createServer((_, answer) => answer.end('ok')).listen(8080);
  process.on('SIGTERM', () => setTimeout(() => process.exit(0), 2000));
`;

/** Pods that listen on 8080, called `http`, and are ready once they do. */
export function deployment(name: string, replicas: number): Manifest {
  const container = {
    name: 'server',
    image: testImage,
    imagePullPolicy: 'IfNotPresent',
    command: ['node', '-e', server],
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { tcpSocket: { port: 'http' }, periodSeconds: 1 },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { terminationGracePeriodSeconds: 5, containers: [container] },
      },
    },
  };
}

export interface ServiceOptions {
  /** The Deployment whose pods it has; of its own name by default. */
  readonly of?: string;
  /** `http` by default, '' for one without a name. */
  readonly port?: string;
  readonly headless?: boolean;
}

export function service(
  name: string,
  { of = name, port = 'http', headless = false }: ServiceOptions = {},
): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: {
      ...(headless ? { clusterIP: 'None' } : {}),
      selector: { app: of },
      ports: [{ ...(port === '' ? {} : { name: port }), port: 8080, targetPort: 8080 }],
    },
  };
}

/** A headless Service without a selector: its endpoints are what a test writes. */
export function serviceWithoutSelector(name: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { clusterIP: 'None', ports: [{ name: 'http', port: 8080 }] },
  };
}

/** The slice that says that a Service has exactly these hosts, all ready, on port 8080. */
export function endpointSlice(serviceName: string, hosts: readonly string[]): Manifest {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${serviceName}-written`,
      labels: { 'kubernetes.io/service-name': serviceName },
    },
    addressType: hosts.some(isIPv6) ? 'IPv6' : 'IPv4',
    endpoints: hosts.map((host) => ({ addresses: [host], conditions: { ready: true } })),
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  };
}

/** The same in the older API. */
export function endpoints(serviceName: string, hosts: readonly string[]): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: serviceName },
    subsets:
      hosts.length === 0
        ? []
        : [{ addresses: hosts.map((ip) => ({ ip })), ports: [{ name: 'http', port: 8080 }] }],
  };
}

/** A service account, and the Role that lets it do this with EndpointSlices and no more. */
export function accountThatMay(name: string, verbs: readonly string[]): Manifest[] {
  const rbac = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } },
    roleThatMay(name, verbs),
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { name },
      roleRef: { apiGroup: rbac, kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name }],
    },
  ];
}

export function roleThatMay(name: string, verbs: readonly string[]): Manifest {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name },
    rules: [{ apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs }],
  };
}
