import { spawnSync } from 'node:child_process';
import path from 'node:path';
import {
  expandTemplate,
  runPostRenderHooks,
  skaffoldConfig,
  type PortForward,
} from '../skaffold-config';
import { at, isWorkload, listAt, nameOf, type KubeObject } from './kube-object';
import { parseObjects, renderTextWith } from './render';
import { imageOf, serviceNames } from './service-names';

const root = path.resolve(__dirname, '../..');
const script = 'scripts/add-components.sh';

/** Runs a hook as Skaffold does, with the variables of its own environment. */
const execute = ([file, ...args]: readonly [string, ...string[]], input: string, NAMESPACE = '') =>
  spawnSync(file, args, {
    cwd: root,
    env: { ...process.env, NAMESPACE },
    input,
    encoding: 'utf8',
    timeout: 30_000,
  });

/** What Skaffold would deploy with these profiles, but for the images' tags. */
async function rendered(
  profiles: readonly string[],
  namespace?: string,
): Promise<readonly KubeObject[]> {
  const config = skaffoldConfig(...profiles);
  const texts = await Promise.all(
    config.manifests.kustomize.paths.map((folder) =>
      renderTextWith(path.relative('k8s', folder), []),
    ),
  );
  const text = await runPostRenderHooks(config, texts.join('---\n'), async (command, input) => {
    const { status, stdout, stderr } = execute(command, input, namespace);
    if (status !== 0) throw new Error(stderr);
    return stdout;
  });
  return parseObjects(text);
}

const byName = (objects: readonly KubeObject[]) =>
  [...objects].sort((a, b) => nameOf(a).localeCompare(nameOf(b)));

const runs: [run: string, overlay: string, profiles: string[], components: string[]][] = [
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
];

describe.each(runs)('skaffold %s', (_, overlay, profiles, components) => {
  let objects: readonly KubeObject[];
  beforeAll(async () => {
    objects = await rendered(profiles);
  });

  it('renders the twin of the overlay, with the components', async () => {
    const expected = parseObjects(await renderTextWith(`skaffold/${overlay}`, components));
    expect(byName(objects)).toEqual(byName(expected));
  });

  it('renders no Namespace, which it would delete in the end with all that is in it', () => {
    expect(objects.filter(({ kind }) => kind === 'Namespace').map(nameOf)).toEqual([]);
  });

  it('renders into the namespace NAMESPACE, as kustomize would', async () => {
    const folder = `skaffold/${overlay}`;
    const expected = parseObjects(await renderTextWith(folder, components, 'staging'));
    expect(byName(await rendered(profiles, 'staging'))).toEqual(byName(expected));
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
    expect(forwards.filter((forward) => !isThere(objects, forward, 'movies'))).toEqual([]);
    expect(new Set(forwards.map(({ localPort }) => localPort)).size).toBe(forwards.length);
    expect(
      forwards
        .filter(({ resourceType }) => resourceType === 'service')
        .map(({ resourceName, localPort }) => `${resourceName} ${localPort}`),
    ).toEqual(['metadata 8081', 'rating 8082', 'movie 8083']);
  });
});

/** A Service's port, or the port of the inspector that the Deployment's pods are told to open. */
function isThere(objects: readonly KubeObject[], forward: PortForward, namespace: string): boolean {
  const target = objects.find(
    ({ kind, metadata }) =>
      kind.toLowerCase() === forward.resourceType &&
      metadata.name === forward.resourceName &&
      metadata.namespace === namespace,
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
  const deployments = (await rendered(['dev', 'debug'])).filter(
    ({ kind }) => kind === 'Deployment',
  );
  expect(deployments.map(({ metadata }) => metadata.name)).toEqual(serviceNames);
  for (const object of deployments) {
    expect(at(object, 'spec.replicas')).toBe(1);
    expect(at(object, 'spec.template.spec.containers.0.livenessProbe')).toBeUndefined();
  }
});

it.each([
  ['', 'movies'],
  ['staging', 'staging'],
])('with NAMESPACE=%s forwards lead to %s', (NAMESPACE, expected) => {
  for (const profiles of [[], ['dev'], ['dev', 'debug']]) {
    const forwards = skaffoldConfig(...profiles).portForward;
    const namespaces = forwards.map(({ namespace }) => expandTemplate(namespace, { NAMESPACE }));
    expect(new Set(namespaces)).toEqual(new Set([expected]));
  }
});

it.each([
  ['', 'movies'],
  ['staging', 'staging'],
])('with NAMESPACE=%s the Namespace %s is made before', async (NAMESPACE, expected) => {
  const hook = at(skaffoldConfig(), 'deploy.kubectl.hooks.before.0.host.command') as string[];
  const [shell = '', ...args] = hook;
  // In place of a cluster: prints how it is called, and what it is to apply.
  const kubectl =
    'kubectl() { case $1 in --context) echo "# $*"; cat ;; *) command kubectl "$@" ;; esac; }';
  const command = args.map((arg) => (arg === '-c' ? arg : `${kubectl}; ${arg}`));
  const environment = { ...process.env, NAMESPACE, SKAFFOLD_KUBE_CONTEXT: 'kind-movies' };
  const options = { cwd: root, env: environment, encoding: 'utf8', timeout: 30_000 } as const;
  const { status, stdout, stderr } = spawnSync(shell, command, options);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^# --context kind-movies apply --filename=-\n/);
  const folder = 'components/namespace/object';
  expect(parseObjects(stdout)).toEqual(parseObjects(await renderTextWith(folder, [], expected)));
  expect(parseObjects(stdout).map(nameOf)).toEqual([`Namespace/${expected}`]);
});

it('says which components there are when asked for another', () => {
  const { status, stdout, stderr } = execute(['sh', script, 'dev', 'develop'], '');
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^make dev: there is no component 'develop'; there are: .*\bdev\b/);
});

it.each(['Staging', 'two words', "a'", '-a', 'a-'])('refuses the namespace %s', (namespace) => {
  const { status, stdout, stderr } = execute(['sh', script], '', namespace);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^make dev: NAMESPACE is up to 63 /);
  expect(stderr).toContain(`not '${namespace}'`);
});

it('fails with what cannot be patched, and says why', () => {
  const { status, stdout, stderr } = execute(['sh', script, 'dev'], 'kind: Deployment\n');
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).not.toBe('');
});
