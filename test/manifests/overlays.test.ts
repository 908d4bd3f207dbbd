import {
  combinations,
  ofKind,
  overlays,
  readCombinations,
  unlessEqual,
  violations,
  type Combination,
  type Rendered,
} from './combinations';
import { at, listAt, nameOf, type KubeObject } from './kube-object';
import { parseObjects, renderTextWith } from './render';
import { serviceNames } from './service-names';

const rendered = readCombinations();

it.each(overlays)('%s is its twin for skaffold, and the Namespace', async (overlay) => {
  const [whole, twin] = await Promise.all(
    [`overlays/${overlay}`, `skaffold/${overlay}`].map(async (folder) =>
      parseObjects(await renderTextWith(folder, [])),
    ),
  );
  expect(whole?.filter(({ kind }) => kind !== 'Namespace')).toEqual(twin);
  expect(whole?.filter(({ kind }) => kind === 'Namespace')).toHaveLength(1);
});

/** What each overlay is made of, without the hashes in names. */
const base = [
  ...serviceNames.flatMap((name) =>
    ['Deployment', 'NetworkPolicy', 'PodDisruptionBudget', 'Service', 'ServiceAccount'].map(
      (kind) => `${kind}/${name}`,
    ),
  ),
  ...['ConfigMap/settings', 'Namespace/movies'],
  ...['client', 'default-deny', 'dns'].map((name) => `NetworkPolicy/${name}`),
];
const movieAccess = ['NetworkPolicy/movie-to-api-server', 'Role/movie', 'RoleBinding/movie'];
const headless = serviceNames.map((name) => `Service/${name}-headless`);
const serverOf = (name: string) => [
  `NetworkPolicy/${name}`,
  `Service/${name}`,
  `Service/${name}-headless`,
  `ServiceAccount/${name}`,
  `StatefulSet/${name}`,
];
const postgres = [
  ...serverOf('postgres'),
  ...['ConfigMap/postgres', 'Role/postgres', 'RoleBinding/postgres', 'Secret/postgres-password'],
];

it.each([
  ['kubernetes', [...base, ...movieAccess, ...postgres]],
  ['dns', [...base, ...headless, ...postgres]],
  ['consul', [...base, ...serverOf('consul'), ...postgres]],
  ['database-url', [...base, ...movieAccess]],
])('%s has these objects, and no other', (overlay, expected) => {
  const its = rendered.filter(({ combination }) => combination.name === overlay);
  const names = its.map(({ object }) => nameOf(object).replace(/^(ConfigMap\/.*)-\w{10}$/, '$1'));
  expect(names.sort()).toEqual([...expected].sort());
});

it('settings are these, and where peers come from unless that depends on the namespace', () => {
  const faults = violations(
    settings(() => true),
    (object, { registry, components }) => {
      const url = components.includes('endpoints') ? 'kubernetes:?api=endpoints' : urls[registry];
      const common = { LOG_FORMAT: 'json', LOG_LEVEL: 'info' };
      const expected = url === undefined ? common : { ...common, REGISTRY_URL: url };
      return unlessEqual(object['data'], expected);
    },
  );
  expect(faults).toEqual({});
});

const urls: Readonly<Record<string, string>> = {
  kubernetes: 'kubernetes:',
  consul: 'consul://consul:8500',
};

it('only with DNS it is a variable of the pods', () => {
  const faults = violations(ofKind(rendered, 'Deployment'), (object, { registry }) => {
    const env = listAt(object, 'spec.template.spec.containers.0.env');
    const name = 'REGISTRY_URL';
    const value = 'dns://{service}-headless.$(POD_NAMESPACE).svc.cluster.local?kind=srv&port=http';
    const found = env.filter((one) => at(one, 'name') === name);
    return unlessEqual(found, registry === 'dns' ? [{ name, value }] : []);
  });
  expect(faults).toEqual({});
});

it('settings have their hash in their name, so that a change rolls out', () => {
  const faults = violations(ofKind(rendered, 'Deployment'), (object, combination) => {
    const [config] = settings((other) => other === combination);
    const { name = '' } = config?.object.metadata ?? {};
    const envFrom = at(object, 'spec.template.spec.containers.0.envFrom');
    return /^settings-[a-z0-9]{10}$/.test(name)
      ? unlessEqual(envFrom, [{ configMapRef: { name } }])
      : name;
  });
  expect(faults).toEqual({});
});

it('there is a Deployment for each service, and no other', () => {
  for (const { name } of combinations) {
    const its = ofKind(rendered, 'Deployment', (_, combination) => combination.name === name);
    expect(its.map(({ object }) => object.metadata.name).sort()).toEqual(serviceNames);
  }
});

/** The ConfigMaps with what all three services are told. */
function settings(which: (combination: Combination) => boolean): readonly Rendered[] {
  const isTheirs = ({ metadata }: KubeObject) => metadata.name.startsWith('settings-');
  return ofKind(
    rendered,
    'ConfigMap',
    (object, combination) => isTheirs(object) && which(combination),
  );
}
