import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  ofKind,
  readCombinations,
  unlessEqual,
  violations,
  type Combination,
} from './combinations';
import { at, isRecord, listAt, type KubeObject } from './kube-object';
import { manifests, parseObjects } from './render';
import { serviceNames } from './service-names';

const rendered = readCombinations();
const policies = () => ofKind(rendered, 'NetworkPolicy');

const tcp = (port: number) => ({ port, protocol: 'TCP' });
const pods = (name: string) => ({
  podSelector: { matchLabels: { 'app.kubernetes.io/name': name } },
});
const podsOf = (...values: string[]) => ({
  podSelector: {
    matchExpressions: [{ key: 'app.kubernetes.io/name', operator: 'In', values }],
  },
});
const clients = { podSelector: { matchLabels: { 'movies/client': 'true' } } };
const gateways = { namespaceSelector: { matchLabels: { 'movies/gateway': 'true' } } };
const dns = {
  ports: [{ port: 53, protocol: 'UDP' }, tcp(53)],
  to: [
    {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
      podSelector: {
        matchExpressions: [
          { key: 'k8s-app', operator: 'In', values: ['kube-dns', 'node-local-dns', 'coredns'] },
        ],
      },
    },
    { ipBlock: { cidr: '169.254.0.0/16' } },
  ],
};
const consul = { ports: [tcp(8500)], to: [pods('consul')] };
const postgres = { ports: [tcp(5432)], to: [pods('postgres')] };
const anyDatabase = { ports: [tcp(5432)] };
/** Whatever its port: 443, 6443, 8443 in minikube, 16443 in MicroK8s. */
const apiServer = { ports: [{ protocol: 'TCP' }] };
const everyone = { from: [{ namespaceSelector: {} }], ports: [tcp(8080)] };

/** Of every policy its rules, in the order in which they are rendered. */
const rules: Readonly<
  Record<string, (of: Combination) => { ingress?: unknown; egress?: unknown }>
> = {
  'default-deny': () => ({}),
  dns: () => ({ egress: [dns] }),
  metadata: (combination) => ({
    ingress: [{ from: [pods('movie'), clients], ports: [tcp(8080)] }],
    egress: [postgres, consul, ...yoursOf(combination)],
  }),
  rating: (combination) => ({
    ingress: [{ from: [pods('movie'), clients], ports: [tcp(8080)] }],
    egress: [postgres, consul, ...yoursOf(combination)],
  }),
  movie: (combination) => ({
    ingress: [
      { from: [gateways, clients], ports: [tcp(8080)] },
      ...(combination.components.includes('dev') ? [everyone] : []),
    ],
    egress: [{ ports: [tcp(8080)], to: [podsOf('metadata', 'rating')] }, consul],
  }),
  'movie-to-api-server': () => ({ egress: [apiServer] }),
  client: () => ({
    egress: [{ ports: [tcp(8080)], to: [podsOf('metadata', 'rating', 'movie')] }],
  }),
  consul: () => ({
    ingress: [{ from: [podsOf('metadata', 'rating', 'movie')], ports: [tcp(8500)] }],
    egress: [],
  }),
  gateway: () => ({
    ingress: [
      {
        from: ['0.0.0.0/0', '::/0'].map((cidr) => ({ ipBlock: { cidr } })),
        ports: [tcp(8080)],
      },
    ],
  }),
  postgres: () => ({
    ingress: [{ from: [podsOf('metadata', 'rating')], ports: [tcp(5432)] }],
    egress: [apiServer],
  }),
};

/** Of a database whose address is not known here. */
function yoursOf({ overlay }: Combination) {
  return overlay === 'database-url' ? [anyDatabase] : [];
}

it.each([
  ['default-deny', ['Ingress', 'Egress']],
  ['dns', ['Egress']],
])('%s is for every pod, in every combination', (name, policyTypes) => {
  const its = policies().filter(({ object }) => object.metadata.name === name);
  const faults = violations(
    its,
    (object) =>
      unlessEqual(at(object, 'spec.podSelector'), {}) ??
      unlessEqual(at(object, 'spec.policyTypes'), policyTypes),
  );
  expect(faults).toEqual({});
  expect(new Set(its.map(({ combination }) => combination))).toEqual(
    new Set(rendered.map(({ combination }) => combination)),
  );
});

it.each(Object.entries(rules))('%s allows what it should, and no more', (name, expected) => {
  const its = policies().filter(({ object }) => object.metadata.name === name);
  const faults = violations(its, (object, combination) => {
    const { ingress, egress } = expected(combination);
    return (
      unlessEqual(at(object, 'spec.ingress'), ingress) ??
      unlessEqual(at(object, 'spec.egress'), egress)
    );
  });
  expect(faults).toEqual({});
});

it('there is no other', () => {
  const faults = violations(policies(), ({ metadata }) =>
    metadata.name in rules ? undefined : 'unknown',
  );
  expect(faults).toEqual({});
});

it('movie reaches the API server only where it asks that, and PostgreSQL is reached where it is', () => {
  const overlaysOf = (name: string) => {
    const its = policies().filter(({ object }) => object.metadata.name === name);
    return [...new Set(its.map(({ combination }) => combination.overlay))].sort();
  };
  expect(overlaysOf('movie-to-api-server')).toEqual(['database-url', 'kubernetes']);
  expect(overlaysOf('postgres')).toEqual(['consul', 'dns', 'kubernetes']);
});

it.each([...serviceNames, 'consul', 'postgres'])(
  '%s is selected by one label, both ways',
  (name) => {
    const isIts = ({ metadata }: KubeObject) => metadata.name === name;
    const faults = violations(ofKind(rendered, 'NetworkPolicy', isIts), (object) => {
      const labels = at(object, 'spec.podSelector.matchLabels');
      return (
        unlessEqual(labels, { 'app.kubernetes.io/name': name }) ??
        unlessEqual(at(object, 'spec.policyTypes'), ['Ingress', 'Egress'])
      );
    });
    expect(faults).toEqual({});
  },
);

it('only the API server may have any port and address, and a database of yours any address', () => {
  const faults = violations(policies(), (object) =>
    [...listAt(object, 'spec.ingress'), ...listAt(object, 'spec.egress')].find((rule) => {
      const peers = isRecord(rule) ? (rule['from'] ?? rule['to']) : undefined;
      const ports = listAt(rule, 'ports').map((one) => at(one, 'port'));
      const isOpen = peers === undefined || ports.length === 0 || ports.includes(undefined);
      return isOpen && ![apiServer, anyDatabase].some((one) => isDeepStrictEqual(rule, one));
    }),
  );
  expect(faults).toEqual({});
});

it('only movie and PostgreSQL reach the API server', () => {
  const open = policies().filter(({ object }) =>
    listAt(object, 'spec.egress').some((rule) => isDeepStrictEqual(rule, apiServer)),
  );
  const selected = open.map(({ object }) => at(object, 'spec.podSelector.matchLabels'));
  const names = selected.map((labels) => isRecord(labels) && labels['app.kubernetes.io/name']);
  expect([...new Set(names)].sort()).toEqual(['movie', 'postgres']);
});

it('what the services reach of ours stands in their own policy files', () => {
  const folder = path.join(manifests, 'components/network-policies/policies');
  for (const name of [...serviceNames, 'client', 'dns', 'default-deny']) {
    const written = parseObjects(readFileSync(path.join(folder, `${name}.yaml`), 'utf8'));
    const [one] = policies().filter(
      ({ combination, object }) =>
        combination.name === 'kubernetes' && object.metadata.name === name,
    );
    expect(written.map(({ spec }) => spec)).toEqual([one?.object['spec']]);
  }
});
