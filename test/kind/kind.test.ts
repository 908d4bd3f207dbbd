import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from '../cluster/run';
import { describeWith } from '../describe-with';
import { until } from '../until';
import { KindCluster, missingKind, root } from './kind-cluster';

jest.setTimeout(600_000);

const namespaced = ['--namespace', 'movies'];

/** The README's steps, on a cluster as it creates one. */
describeWith('on a cluster of kind', missingKind(), () => {
  let cluster: KindCluster;

  beforeAll(async () => {
    cluster = await KindCluster.create();
  }, 600_000);
  afterAll(() => cluster.remove(), 120_000);

  it('make cluster-up creates three nodes in two zones, in a context of its own', async () => {
    const zone = '{.items[*].metadata.labels.topology\\.kubernetes\\.io/zone}';
    const zones = await cluster.kubectl('get', 'nodes', `--output=jsonpath=${zone}`);
    expect(zones.split(' ').sort()).toEqual(['zone-a', 'zone-a', 'zone-b']);
    const context = await cluster.kubectl('config', 'current-context');
    expect(context.trim()).toBe(`kind-${cluster.name}`);
  });

  it('make deploy builds, loads and runs the services', async () => {
    await cluster.make('deploy');
    expect(await readyReplicas('metadata')).toBe('2');
    expect(await readyReplicas('rating')).toBe('2');
    expect(await readyReplicas('movie')).toBe('2');
  });

  it('make smoke gets 40 responses', async () => {
    expect(await cluster.make('smoke')).toContain('40 requests, all answered 200');
  });

  it('make deploy of the same again restarts no pod', async () => {
    const before = await podNames();
    await cluster.make('deploy');
    expect(await podNames()).toBe(before);
  });

  it('make scale has the third instance of rating serve', async () => {
    await cluster.make('scale', 'SERVICE=rating', 'N=3');
    const output = await cluster.make('smoke');
    expect(output.match(/^rating +\S+ +\d+ times$/gm)).toHaveLength(3);
  });

  it('make port-forward serves on after the pods were replaced, and leaves nothing', async () => {
    const forward = await PortForward.start(cluster);
    try {
      await forward.responds();
      await cluster.kubectl(...namespaced, 'delete', 'pods', ...selector('movie'));
      await forward.responds();
    } finally {
      await forward.stop();
    }
    await expect(fetch(PortForward.url)).rejects.toThrow('fetch failed');
  });

  it('an edit of movie rolls out movie alone, and kubectl rollout undo brings the earlier code back', async () => {
    const folder = await editedCopy();
    const others = await podNames(...selector('metadata'));
    try {
      await cluster.makeIn(folder, 'deploy');
      expect(await editInResponse()).toBe('edited');
      expect(await podNames(...selector('metadata'))).toBe(others);
      await cluster.kubectl(...namespaced, 'rollout', 'undo', 'deployment/movie');
      await rolledOut('movie');
      expect(await editInResponse()).toBe(null);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('a context of another name is known for kind, and images are loaded', async () => {
    await cluster.kubectl('config', 'rename-context', `kind-${cluster.name}`, 'renamed');
    try {
      expect(await cluster.make('load-images')).toContain('movie');
    } finally {
      await cluster.kubectl('config', 'rename-context', 'renamed', `kind-${cluster.name}`);
    }
  });

  it('make undeploy removes the namespace', async () => {
    await cluster.make('undeploy');
    const names = ['get', 'namespace/movies', '--ignore-not-found', '--output=name'];
    expect(await cluster.kubectl(...names)).toBe('');
  });

  it('make cluster-down deletes the cluster', async () => {
    await cluster.make('cluster-down');
    expect((await run('kind', ['get', 'clusters'])).split('\n')).not.toContain(cluster.name);
  });

  function readyReplicas(service: string): Promise<string> {
    const field = '--output=jsonpath={.status.readyReplicas}';
    return cluster.kubectl(...namespaced, 'get', `deployment/${service}`, field);
  }

  function rolledOut(service: string): Promise<string> {
    const target = [`deployment/${service}`, '--timeout=120s'];
    return cluster.kubectl(...namespaced, 'rollout', 'status', ...target);
  }

  function podNames(...which: string[]): Promise<string> {
    return cluster.kubectl(...namespaced, 'get', 'pods', ...which, '--output=name');
  }

  /** The header that the edited copy adds to the response of movie. */
  async function editInResponse(): Promise<string | null> {
    const forward = await PortForward.start(cluster);
    try {
      return (await forward.responds()).headers.get('x-edit');
    } finally {
      await forward.stop();
    }
  }
});

const selector = (service: string) => ['--selector', `app.kubernetes.io/name=${service}`];

/** The repository, but for what a build ignores, with another route of movie. */
async function editedCopy(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'movies-edited-'));
  const isLeftOut = (name: string) => ['node_modules', 'dist'].includes(name);
  const filter = (source: string) => !isLeftOut(path.basename(source));
  await cp(root, folder, { recursive: true, filter });
  const routes = path.join(folder, 'services/movie/src/routes.ts');
  const source = await readFile(routes, 'utf8');
  const edited = source.replace('ctx.body =', "ctx.set('x-edit', 'edited');\n    ctx.body =");
  await writeFile(routes, edited);
  return folder;
}

/** `make port-forward`, at the ports that the README names. */
class PortForward {
  static readonly url = 'http://localhost:8083/movie?id=1';

  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start({ env }: KindCluster): Promise<PortForward> {
    // make passes no signal on, so that the script itself is started.
    const child = spawn('sh', ['scripts/port-forward.sh'], {
      cwd: root,
      env,
      stdio: 'ignore',
    });
    await once(child, 'spawn');
    return new PortForward(child);
  }

  /** Resolves with the first response with status 200. */
  async responds(): Promise<Response> {
    let response: Response | undefined;
    await until(async () => {
      response = await fetch(PortForward.url).catch(() => undefined);
      return response?.status === 200;
    }, 30_000);
    if (response === undefined) throw new Error('no response');
    return response;
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }
}
