import manifest from '../../package.json';
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
import { at, isWorkload, listAt, type KubeObject } from './kube-object';
import { parseObjects, renderTextWith } from './render';
import { serviceNames } from './service-names';

const rendered = readCombinations();

it.each(overlays)('%s is its twin of the workloads, and the Namespace', async (overlay) => {
  const [whole, twin] = await Promise.all(
    [`overlays/${overlay}`, `workloads/${overlay}`].map(async (folder) =>
      parseObjects(await renderTextWith(folder, [])),
    ),
  );
  expect(whole?.filter(({ kind }) => kind !== 'Namespace')).toEqual(twin);
  expect(whole?.filter(({ kind }) => kind === 'Namespace')).toHaveLength(1);
});

it.each([
  ['kubernetes', 'kubernetes:'],
  ['dns', 'dns://{service}-headless.movies.svc.cluster.local?kind=srv&port=http'],
  ['consul', 'consul://consul:8500'],
  ['database-url', 'kubernetes:'],
])('%s: services ask %s', (overlay, url) => {
  const its = settings(
    (combination) =>
      combination.overlay === overlay && !combination.components.includes('endpoints'),
  );
  const faults = violations(its, (object) =>
    unlessEqual(object['data'], {
      LOG_FORMAT: 'json',
      LOG_LEVEL: 'info',
      REGISTRY_URL: url,
    }),
  );
  expect(faults).toEqual({});
});

it('with the component endpoints they ask the older API', () => {
  const its = settings(({ components }) => components.includes('endpoints'));
  const faults = violations(its, (object) =>
    unlessEqual(at(object, 'data.REGISTRY_URL'), 'kubernetes:?api=endpoints'),
  );
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

it('images are those of the services, tagged with the version in package.json', () => {
  const others = new Map([
    ['consul', 'hashicorp/consul:1.22'],
    ['postgres', 'postgres:15-bookworm'],
  ]);
  const workloads = rendered.filter(({ object }) => isWorkload(object));
  const faults = violations(workloads, (object) => {
    const { name } = object.metadata;
    const expected = others.get(name) ?? `movies/${name}:${manifest.version}`;
    const found = listAt(object, 'spec.template.spec.containers').map((one) => at(one, 'image'));
    return unlessEqual(found, [expected]);
  });
  expect(faults).toEqual({});
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
