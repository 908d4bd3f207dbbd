import { isDeepStrictEqual } from 'node:util';
import {
  ofKind,
  readCombinations,
  unlessEqual,
  violations,
  type Combination,
} from './combinations';
import { at, isRecord, listAt, type KubeObject } from './kube-object';
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
      podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
    },
    { ipBlock: { cidr: '169.254.20.10/32' } },
  ],
};
const consul = { ports: [tcp(8500)], to: [pods('consul')] };
const postgres = { ports: [tcp(5432)], to: [pods('postgres')] };
const anyDatabase = { ports: [tcp(5432)] };
const apiServer = { ports: [tcp(443), tcp(6443)] };
const everyone = { from: [{ namespaceSelector: {} }], ports: [tcp(8080)] };

/** Of every policy its rules, in the order in which they are rendered. */
const rules: Readonly<
  Record<string, (of: Combination) => { ingress?: unknown; egress?: unknown }>
> = {
  'default-deny': () => ({}),
  metadata: (combination) => ({
    ingress: [{ from: [pods('movie'), clients], ports: [tcp(8080)] }],
    egress: [dns, ...registryOf(combination), databaseOf(combination)],
  }),
  rating: (combination) => ({
    ingress: [{ from: [pods('movie'), clients], ports: [tcp(8080)] }],
    egress: [dns, ...registryOf(combination), databaseOf(combination)],
  }),
  movie: (combination) => ({
    ingress: [
      { from: [gateways, clients], ports: [tcp(8080)] },
      ...(combination.components.includes('dev') ? [everyone] : []),
    ],
    egress: [
      { ports: [tcp(8080)], to: [podsOf('metadata', 'rating')] },
      dns,
      ...registryOf(combination),
    ],
  }),
  'movie-to-api-server': () => ({ egress: [apiServer] }),
  client: () => ({
    egress: [{ ports: [tcp(8080)], to: [podsOf('metadata', 'rating', 'movie')] }, dns],
  }),
  consul: () => ({
    ingress: [{ from: [podsOf('metadata', 'rating', 'movie')], ports: [tcp(8500)] }],
    egress: [dns],
  }),
  postgres: () => ({
    ingress: [{ from: [podsOf('metadata', 'rating')], ports: [tcp(5432)] }],
    egress: [apiServer],
  }),
};

function registryOf({ registry }: Combination) {
  return registry === 'consul' ? [consul] : [];
}

function databaseOf({ overlay }: Combination) {
  return overlay === 'database-url' ? anyDatabase : postgres;
}

it('everything is denied that is not allowed', () => {
  const byDefault = policies().filter(({ object }) => object.metadata.name === 'default-deny');
  const faults = violations(byDefault, (object) =>
    unlessEqual(object['spec'], { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }),
  );
  expect(faults).toEqual({});
  expect(new Set(byDefault.map(({ combination }) => combination))).toEqual(
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

it('no rule allows every port, and none every address but those to the API server and a database of yours', () => {
  const faults = violations(policies(), (object) =>
    [...listAt(object, 'spec.ingress'), ...listAt(object, 'spec.egress')].find((rule) => {
      const peers = isRecord(rule) ? (rule['from'] ?? rule['to']) : undefined;
      const isOpen = ![apiServer, anyDatabase].some((one) => isDeepStrictEqual(rule, one));
      return listAt(rule, 'ports').length === 0 || (peers === undefined && isOpen);
    }),
  );
  expect(faults).toEqual({});
});
