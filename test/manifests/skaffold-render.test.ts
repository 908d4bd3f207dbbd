import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { runPostRenderHooks, skaffoldConfig, type PortForward } from '../skaffold-config';
import { at, isWorkload, listAt, nameOf, type KubeObject } from './kube-object';
import { parseObjects, renderTextWith } from './render';
import { imageOf, serviceNames } from './service-names';

const root = path.resolve(__dirname, '../..');
const script = 'scripts/add-components.sh';

const execute = ([file, ...args]: readonly [string, ...string[]], input: string) =>
  spawnSync(file, args, { cwd: root, input, encoding: 'utf8', timeout: 30_000 });

/** What Skaffold would deploy with these profiles, but for the images' tags. */
async function rendered(...profiles: string[]): Promise<readonly KubeObject[]> {
  const config = skaffoldConfig(...profiles);
  const texts = await Promise.all(
    config.manifests.kustomize.paths.map((folder) =>
      renderTextWith(path.relative('k8s', folder), []),
    ),
  );
  const text = await runPostRenderHooks(config, texts.join('---\n'), async (command, input) => {
    const { status, stdout, stderr } = execute(command, input);
    if (status !== 0) throw new Error(stderr);
    return stdout;
  });
  return parseObjects(text);
}

const byName = (objects: readonly KubeObject[]) =>
  [...objects].sort((a, b) => nameOf(a).localeCompare(nameOf(b)));

describe.each([
  ['run', 'kubernetes', [], []],
  ['run -p dns', 'dns', ['dns'], []],
  ['run -p consul', 'consul', ['consul'], []],
  ['run -p database-url', 'database-url', ['database-url'], []],
  ['dev', 'kubernetes', ['dev'], ['dev']],
  ['dev -p dns', 'dns', ['dev', 'dns'], ['dev']],
  ['dev -p consul', 'consul', ['dev', 'consul'], ['dev']],
  ['dev -p database-url', 'database-url', ['dev', 'database-url'], ['dev']],
  ['dev -p debug', 'kubernetes', ['dev', 'debug'], ['dev', 'debug']],
  ['dev -p dns,debug', 'dns', ['dev', 'dns', 'debug'], ['dev', 'debug']],
])('skaffold %s', (_, overlay, profiles, components) => {
  let objects: readonly KubeObject[];
  beforeAll(async () => {
    objects = await rendered(...profiles);
  });

  it('renders the twin of the overlay, with the components', async () => {
    const expected = parseObjects(await renderTextWith(`skaffold/${overlay}`, components));
    expect(byName(objects)).toEqual(byName(expected));
  });

  it('renders no Namespace, which it would delete in the end with all that is in it', () => {
    expect(objects.filter(({ kind }) => kind === 'Namespace').map(nameOf)).toEqual([]);
    expect(objects.filter(({ metadata }) => metadata.namespace !== 'movies').map(nameOf)).toEqual(
      [],
    );
  });

  it('finds each image that it builds by its name, and by no digest', () => {
    const found = objects
      .filter(isWorkload)
      .flatMap((object) => listAt(object, 'spec.template.spec.containers'))
      .map((container) => String(at(container, 'image')))
      .filter((image) => image.startsWith(imageOf('')));
    expect(found.map((image) => image.replace(/:[\w.-]+$/, '')).sort()).toEqual(
      skaffoldConfig(...profiles)
        .build.artifacts.map(({ image }) => image)
        .sort(),
    );
  });

  it('forwards to what is there, each to a port of its own', () => {
    const forwards = skaffoldConfig(...profiles).portForward;
    expect(forwards.filter((forward) => !isThere(objects, forward))).toEqual([]);
    expect(new Set(forwards.map(({ localPort }) => localPort)).size).toBe(forwards.length);
    expect(
      forwards
        .filter(({ resourceType }) => resourceType === 'service')
        .map(({ resourceName, localPort }) => `${resourceName} ${localPort}`),
    ).toEqual(['metadata 8081', 'rating 8082', 'movie 8083']);
  });
});

/** A Service's port, or the port of the inspector that the Deployment's pods are told to open. */
function isThere(objects: readonly KubeObject[], forward: PortForward): boolean {
  const target = objects.find(
    ({ kind, metadata }) =>
      kind.toLowerCase() === forward.resourceType &&
      metadata.name === forward.resourceName &&
      metadata.namespace === forward.namespace,
  );
  if (forward.resourceType === 'service') {
    return listAt(target, 'spec.ports').some((port) => at(port, 'port') === forward.port);
  }
  return listAt(target, 'spec.template.spec.containers.0.env').some(
    (one) =>
      at(one, 'name') === 'NODE_FLAGS' &&
      at(one, 'value') === `--inspect=127.0.0.1:${forward.port}`,
  );
}

it('one pod of each is debugged, and none is killed at a breakpoint', async () => {
  const deployments = (await rendered('dev', 'debug')).filter(({ kind }) => kind === 'Deployment');
  expect(deployments.map(({ metadata }) => metadata.name)).toEqual(serviceNames);
  for (const object of deployments) {
    expect(at(object, 'spec.replicas')).toBe(1);
    expect(at(object, 'spec.template.spec.containers.0.livenessProbe')).toBeUndefined();
  }
});

it('makes the Namespace before, in the cluster that it deploys to', async () => {
  const hook = at(skaffoldConfig(), 'deploy.kubectl.hooks.before.0.host');
  expect(at(hook, 'command.2')).toBe(
    'kubectl --context "$SKAFFOLD_KUBE_CONTEXT" apply -k k8s/components/namespace/object',
  );
  const [namespace, ...others] = parseObjects(
    await renderTextWith('components/namespace/object', []),
  );
  expect(others).toEqual([]);
  expect([namespace?.kind, namespace?.metadata.name]).toEqual(['Namespace', 'movies']);
});

it('says which components there are when asked for another', () => {
  const { status, stdout, stderr } = execute(['sh', script, 'dev', 'develop'], '');
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(/^add-components: there is no component 'develop'; there are: .*\bdev\b/);
});

it('fails with what cannot be patched, and says why', () => {
  const { status, stdout, stderr } = execute(['sh', script, 'dev'], 'kind: Deployment\n');
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).not.toBe('');
});
