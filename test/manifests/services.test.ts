import { differing, ofKind, readCombinations, unlessEqual, violations } from './combinations';
import { at, isWorkload, type KubeObject } from './kube-object';
import { serviceNames } from './service-names';

const rendered = readCombinations();
const isHeadless = ({ metadata }: KubeObject) => metadata.name.endsWith('-headless');
const isOurs = ({ metadata }: KubeObject) => serviceNames.includes(metadata.name);
const services = () => ofKind(rendered, 'Service', isOurs);
const headless = () => ofKind(rendered, 'Service', isHeadless);

it('each service has its Service in every overlay', () => {
  const names = new Set(services().map(({ object }) => object.metadata.name));
  expect([...names].sort()).toEqual(serviceNames);
  const perCombination = new Map<string, number>();
  for (const { combination } of services()) {
    perCombination.set(combination.name, (perCombination.get(combination.name) ?? 0) + 1);
  }
  expect(new Set(perCombination.values())).toEqual(new Set([serviceNames.length]));
});

it.each([
  ['spec.type', undefined],
  ['spec.clusterIP', undefined],
  ['spec.trafficDistribution', 'PreferClose'],
  [
    'spec.ports',
    [{ appProtocol: 'http', name: 'http', port: 80, protocol: 'TCP', targetPort: 'http' }],
  ],
])('%s of a Service is %j', (path, expected) => {
  expect(differing(services(), path, expected)).toEqual({});
});

it('every Service selects the pods of one workload by its name', () => {
  const all = rendered;
  const faults = violations(ofKind(rendered, 'Service'), (object, combination) => {
    const name = object.metadata.name.replace(/-headless$/, '');
    const isThere = all.some(
      (other) =>
        other.combination === combination &&
        isWorkload(other.object) &&
        other.object.metadata.name === name,
    );
    if (!isThere) return `there is no ${name}`;
    return unlessEqual(at(object, 'spec.selector'), { 'app.kubernetes.io/name': name });
  });
  expect(faults).toEqual({});
});

it('only DNS has headless twins, and what is a StatefulSet its own', () => {
  const names = new Set(
    headless().map(({ combination, object }) =>
      [combination.overlay, object.metadata.name].join(' '),
    ),
  );
  expect([...names].sort()).toEqual(
    [
      'consul consul-headless',
      ...['consul', 'dns', 'kubernetes'].map((overlay) => `${overlay} postgres-headless`),
      ...serviceNames.map((name) => `dns ${name}-headless`),
    ].sort(),
  );
});

it.each([
  ['spec.clusterIP', 'None'],
  ['spec.publishNotReadyAddresses', false],
])('%s of a headless Service is %j', (path, expected) => {
  expect(differing(headless(), path, expected)).toEqual({});
});

it.each(['name', 'targetPort'])('%s of its port is http, and for a database postgres', (field) => {
  const faults = violations(headless(), (object) =>
    unlessEqual(
      at(object, `spec.ports.0.${field}`),
      object.metadata.name === 'postgres-headless' ? 'postgres' : 'http',
    ),
  );
  expect(faults).toEqual({});
});
