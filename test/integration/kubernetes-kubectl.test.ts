import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FakeApiServer } from '../../packages/discovery/src/testing/fake-api-server';
import { sliceOf } from '../../packages/discovery/src/testing/slices';
import { describeWith } from '../describe-with';

const missing =
  spawnSync('kubectl', ['version', '--client']).status === 0
    ? undefined
    : 'kubectl is not on the PATH: https://kubernetes.io/docs/tasks/tools';

// The adapter's tests stand on this server: that kubectl understands it shows that it speaks the protocol.
describeWith('the scripted API server, asked by kubectl', missing, () => {
  let fake: FakeApiServer;
  let folder: string;
  const children = new Set<ChildProcess>();

  beforeEach(async () => {
    fake = await FakeApiServer.start();
    for (const i of [1, 2, 3, 4, 5]) {
      fake.put(sliceOf('metadata', [`10.0.0.${i}`], { name: `metadata-${i}` }));
    }
    folder = await mkdtemp(path.join(tmpdir(), 'movies-kubectl-'));
    await writeFile(path.join(folder, 'config'), kubeconfigOf(fake));
  });

  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    await fake.stop();
    await rm(folder, { recursive: true });
  });

  function start(...args: string[]): ChildProcess {
    const child = spawn(
      'kubectl',
      [
        ...['--kubeconfig', path.join(folder, 'config'), '--cache-dir', path.join(folder, 'cache')],
        ...['get', 'endpointslices', ...args],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    children.add(child);
    child.once('exit', () => children.delete(child));
    return child;
  }

  async function get(...args: string[]): Promise<string> {
    const child = start(...args);
    let output = '';
    let errors = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
    await once(child, 'close');
    if (child.exitCode !== 0) throw new Error(errors);
    return output;
  }

  it('lists', async () => {
    const lines = (await get('--no-headers')).trim().split('\n');
    expect(lines.map((line) => line.split(/\s+/)[0])).toEqual(
      [1, 2, 3, 4, 5].map((i) => `metadata-${i}`),
    );
  });

  it('lists in pages', async () => {
    const names = await get('--chunk-size=2', '-o', 'name');
    expect(names.trim().split('\n')).toHaveLength(5);
    const pages = fake.calls.filter(({ kind }) => kind === 'list').map(({ query }) => query);
    expect(pages.map((query) => [query.get('limit'), query.get('continue')])).toEqual([
      ['2', null],
      ['2', '2'],
      ['2', '4'],
    ]);
  });

  it('chooses by selector', async () => {
    fake.put(sliceOf('rating', ['10.0.1.1']));
    const names = await get('-l', 'kubernetes.io/service-name=rating', '-o', 'name');
    expect(names.trim()).toBe('endpointslice.discovery.k8s.io/rating-1');
  });

  it('gives one as it is', async () => {
    const { endpoints, metadata } = JSON.parse(await get('metadata-3', '-o', 'json')) as {
      readonly endpoints: readonly { readonly addresses: readonly string[] }[];
      readonly metadata: { readonly resourceVersion: string };
    };
    expect(endpoints.map(({ addresses }) => addresses)).toEqual([['10.0.0.3']]);
    expect(metadata.resourceVersion).toBe('103');
  });

  it('says that one does not exist', async () => {
    await expect(get('metadata-9')).rejects.toThrow('not found');
  });

  it('refuses who has no right', async () => {
    fake.tokens = new Set(['another']);
    await expect(get()).rejects.toThrow(/logged in|Unauthorized/);
  });

  it('watches: what is there, then what is changed, added and removed', async () => {
    const opened = fake.nextWatch();
    const child = start('-w', '-o', 'name', '--output-watch-events=false');
    let output = '';
    const said = new Promise<void>((resolve) => {
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (output.split('\n').length > 8) resolve();
      });
    });
    await opened;
    fake.put(sliceOf('metadata', ['10.0.0.8'], { name: 'metadata-1' }));
    fake.put(sliceOf('metadata', ['10.0.0.9'], { name: 'metadata-9' }));
    fake.remove('metadata-2');
    fake.bookmark();
    await said;
    const name = (i: number) => `endpointslice.discovery.k8s.io/metadata-${i}`;
    expect(output.trim().split('\n')).toEqual([1, 2, 3, 4, 5, 1, 9, 2].map(name));
  });
});

function kubeconfigOf({ url, ca }: FakeApiServer): string {
  const cluster = { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  // A kubeconfig is YAML, of which JSON is a part.
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: 'default' } }],
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'test', user: { token: 'a-token' } }],
  });
}
