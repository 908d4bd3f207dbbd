import { spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { untilEqual } from '../until';
import { describeOnCluster, testImage } from './cluster';
import { kubectlSet } from './kubectl-set';
import { accountThatMay, deployment, service } from './manifests';
import { run } from './run';
import { TestNamespace } from './test-namespace';

jest.setTimeout(120_000);

const root = path.resolve(__dirname, '../..');

/** Follows `web` with nothing but what the pod has, and prints each set as a line of JSON. */
const follow = `
  const { failureOf, formatAddress, instancesOf } = require('@movies/discovery');
  const { KubernetesRegistry } = require('@movies/discovery/kubernetes');
  const watch = new KubernetesRegistry().watch('web');
  watch.subscribe((view) => {
    const failure = failureOf(view);
    const set = instancesOf(view).map((each) => \`\${each.id} \${formatAddress(each)}=\${each.state}\`);
    console.log(JSON.stringify({ set: set.sort(), failure: failure?.message }));
  });
`;

interface Line {
  readonly set: readonly string[];
  readonly failure?: string;
}

describeOnCluster('in a pod whose account may only list and watch EndpointSlices', () => {
  let folder: string;
  let namespace: TestNamespace;
  let follower: ChildProcess | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'movies-in-pod-'));
    namespace = await TestNamespace.create();
    await namespace.apply(
      ...accountThatMay('follower', ['list', 'watch']),
      pod('follower'),
      deployment('web', 1),
      service('web'),
    );
    await pack(folder);
    await namespace.kubectl('rollout', 'status', 'deployment/web');
    await namespace.kubectl('wait', '--for=condition=Ready', 'pod/follower', '--timeout=60s');
    await namespace.kubectl('cp', path.join(folder, 'app'), 'follower:/tmp/app');
  });

  afterAll(async () => {
    follower?.kill();
    await namespace.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it('the packed library finds the API server, its token and its namespace by itself, and follows a scale-up', async () => {
    const lines: Line[] = [];
    let errors = '';
    follower = spawn(
      'kubectl',
      ['--namespace', namespace.name, 'exec', 'follower', '--', 'node', '/tmp/app/follow.js'],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    follower.stderr?.on('data', (chunk) => (errors += String(chunk)));
    if (follower.stdout !== null) {
      createInterface({ input: follower.stdout }).on('line', (line) => {
        lines.push(JSON.parse(line) as Line);
      });
    }
    for (const replicas of [1, 3]) {
      await namespace.kubectl('scale', 'deployment/web', `--replicas=${replicas}`);
      await namespace.kubectl('rollout', 'status', 'deployment/web');
      const told = await kubectlSet(namespace, 'web');
      expect(told).toHaveLength(replicas);
      await untilEqual(
        () => ({ last: lines.at(-1), errors }),
        { last: { set: told }, errors: '' },
        5000,
      );
    }
    expect(lines.map(({ failure }) => failure)).toEqual(lines.map(() => undefined));
  });
});

function pod(account: string) {
  const container = {
    name: 'follower',
    image: testImage,
    imagePullPolicy: 'IfNotPresent',
    command: ['node', '-e', `setInterval(() => {}, 1e6); process.on('SIGTERM', process.exit)`],
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: account },
    spec: { serviceAccountName: account, containers: [container] },
  };
}

/** The library as its users install it, in the folder `app` with the script that follows. */
async function pack(folder: string): Promise<void> {
  const modules = path.join(folder, 'app/node_modules');
  await run(process.execPath, [path.join(root, 'scripts/pack.mjs'), folder], { limitMs: 90_000 });
  const tarballs = await readdir(folder);
  for (const name of ['time', 'discovery']) {
    const target = path.join(modules, '@movies', name);
    await mkdir(target, { recursive: true });
    const tarball = tarballs.find((file) => file.startsWith(`movies-${name}-`));
    const file = path.join(folder, tarball ?? 'no tarball');
    await run('tar', ['-xzf', file, '-C', target, '--strip-components=1']);
  }
  await cp(path.join(root, 'node_modules/undici'), path.join(modules, 'undici'), {
    recursive: true,
  });
  await writeFile(path.join(folder, 'app/follow.js'), follow);
}
