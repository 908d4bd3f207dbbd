import { differing, ofKind, readCombinations } from './combinations';
import { at, listAt } from './kube-object';

const rendered = readCombinations();
const kinds = ['HTTPRoute', 'Ingress'];

it.each([
  ['gateway', ['HTTPRoute', 'NetworkPolicy']],
  ['gateway/ingress', ['Ingress', 'NetworkPolicy']],
])('the component %s adds %j, and nothing else', (component, added) => {
  for (const overlay of ['kubernetes', 'dns', 'consul', 'database-url']) {
    const objectsOf = (name: string) =>
      rendered
        .filter(({ combination }) => combination.name === name)
        .map(({ object }) => JSON.stringify(object));
    const before = new Set(objectsOf(overlay));
    const others = objectsOf(`${overlay}+${component}`).filter((object) => !before.has(object));
    expect(others.map((object) => at(JSON.parse(object), 'kind')).sort()).toEqual(added);
  }
});

it('no other combination has a way in', () => {
  const ways = rendered.filter(({ object }) => kinds.includes(object.kind));
  const others = ways.filter(
    ({ combination }) => !combination.components.some((name) => name.startsWith('gateway')),
  );
  expect(others).toEqual([]);
});

it('both lead to a port of the Service movie', () => {
  const services = ofKind(rendered, 'Service', ({ metadata }) => metadata.name === 'movie');
  const ports = services.flatMap(({ object }) => listAt(object, 'spec.ports'));
  expect(
    new Set(ports.map((port) => `${String(at(port, 'name'))} ${String(at(port, 'port'))}`)),
  ).toEqual(new Set(['http 80']));
  const backendRefs = [{ name: 'movie', port: 80 }];
  const backend = { service: { name: 'movie', port: { name: 'http' } } };
  expect(differing(ofKind(rendered, 'HTTPRoute'), 'spec.rules', [{ backendRefs }])).toEqual({});
  expect(
    differing(ofKind(rendered, 'Ingress'), 'spec.rules', [
      { http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } },
    ]),
  ).toEqual({});
});

it('their policy is for movie, and lets in what is no pod', () => {
  const policies = ofKind(rendered, 'NetworkPolicy', ({ metadata }) => metadata.name === 'gateway');
  const labels = { 'app.kubernetes.io/name': 'movie' };
  expect(differing(policies, 'spec.podSelector', { matchLabels: labels })).toEqual({});
  expect(differing(policies, 'spec.policyTypes', ['Ingress'])).toEqual({});
});
