import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseDocument } from 'yaml';
import { describeWithDocker } from '../images/docker';
import {
  buildImages,
  imageName,
  loadImages,
  ownTag,
  removeImages,
  services,
} from '../images/service-images';
import { syncArchive } from '../images/sync-archive';
import { runPostRenderHooks, skaffoldConfig, syncDestinations } from '../skaffold-config';
import { untilEqual } from '../until';
import { describeOnCluster } from './cluster';
import { kubectlIn } from './kubectl';
import { run } from './run';
import { TestNamespace } from './test-namespace';

const root = path.resolve(__dirname, '../..');
const config = skaffoldConfig('dev');
const tag = ownTag('skaffold');
const image = imageName('movie', tag);
const routes = 'services/movie/src/routes.ts';
const limitMs = 5000;

/** What `skaffold dev` does, step by step, with what skaffold.yaml says. */
describeOnCluster('skaffold dev', () => {
  describeWithDocker('with images that it builds', () => {
    let namespace: TestNamespace;
    let pods: readonly string[];

    beforeAll(async () => {
      await buildImages(tag, `--target=${movie().docker.target ?? ''}`);
      await loadImages(tag);
      namespace = await TestNamespace.create();
      await namespace.kubectl('label', 'namespace', namespace.name, ...(await podSecurity()));
      await kubectlIn(namespace.name, ['apply', '--filename=-'], {
        input: await rendered(namespace.name),
      });
      for (const service of services) {
        await namespace.kubectl('rollout', 'status', `deployment/${service}`, '--timeout=110s');
      }
      pods = await podsOf(namespace);
    }, 900_000);

    afterAll(async () => {
      await namespace.remove();
      await removeImages(tag);
    });

    it('answers from every pod with an edited route, five times of five', async () => {
      const source = await readFile(path.join(root, routes), 'utf8');
      expect(pods).toHaveLength(2);
      const took: number[] = [];
      for (let edit = 1; edit <= 5; edit += 1) {
        await sync(namespace, pods, routes, withEdit(source, String(edit)));
        const syncedAt = performance.now();
        const answers = pods.map((pod) => answered(namespace, pod, String(edit)));
        expect(await Promise.all(answers)).toEqual(pods.map(() => '200'));
        took.push(Math.round(performance.now() - syncedAt));
      }
      process.stderr.write(`edited route, sync to answer of all pods: ${took.join(', ')} ms\n`);
      expect(Math.max(...took)).toBeLessThan(limitMs);
      // Nodemon may send its signal once or twice; once must be enough.
      for (const pod of pods) {
        expect(await namespace.kubectl('logs', pod)).not.toContain('serving on');
      }
    }, 120_000);

    it('waits for an edit that does not compile to be mended', async () => {
      const source = await readFile(path.join(root, routes), 'utf8');
      const crashed = async () => {
        const logs = await Promise.all(pods.map((pod) => namespace.kubectl('logs', pod)));
        return logs.map((log) => log.includes('app crashed - waiting for file changes'));
      };
      await sync(namespace, pods, routes, `${source}\n}`);
      await untilEqual(crashed, [true, true], 20_000);
      await sync(namespace, pods, routes, withEdit(source, 'mended'));
      const answers = pods.map((pod) => answered(namespace, pod, 'mended'));
      expect(await Promise.all(answers)).toEqual(['200', '200']);
    }, 60_000);

    it('takes away a file that is deleted', async () => {
      const file = 'services/movie/src/extra.ts';
      const there = async () =>
        Promise.all(pods.map((pod) => inPod(namespace, pod, ['ls', '/app/services/movie/src'])));
      await sync(namespace, pods, file, 'export const extra = 1;\n');
      expect((await there()).map((list) => list.includes('extra.ts'))).toEqual([true, true]);
      const gone = ['rm', '-rf', '--', ...syncDestinations(movie(), file)];
      await Promise.all(pods.map((pod) => inPod(namespace, pod, gone)));
      expect((await there()).map((list) => list.includes('extra.ts'))).toEqual([false, false]);
    }, 60_000);
  });
});

function movie() {
  const artifact = config.build.artifacts.find((one) => one.image === 'localhost/movies/movie');
  if (artifact === undefined) throw new Error('skaffold.yaml builds no localhost/movies/movie');
  return artifact;
}

/** The labels by which the project's own Namespace enforces Pod Security. */
async function podSecurity(): Promise<string[]> {
  const text = await run('kubectl', [
    'kustomize',
    path.join(root, 'k8s/components/namespace/object'),
  ]);
  const labels = parseDocument(text).toJS() as { metadata: { labels: Record<string, string> } };
  return Object.entries(labels.metadata.labels)
    .filter(([key]) => key.startsWith('pod-security.'))
    .map(([key, value]) => `${key}=${value}`);
}

/** What is deployed: with the images that were built, and in a namespace of the test's own. */
async function rendered(namespace: string): Promise<string> {
  // Kustomize takes relative paths only, and follows symbolic links first.
  const folder = await mkdtemp(path.join(await realpath(tmpdir()), 'movies-skaffold-'));
  const kustomization = {
    resources: config.manifests.kustomize.paths.map((each) =>
      path.relative(folder, path.join(root, each)),
    ),
    images: config.build.artifacts.map(({ image: name }) => ({ name, newTag: tag })),
  };
  try {
    await writeFile(path.join(folder, 'kustomization.yaml'), JSON.stringify(kustomization));
    const objects = await run('kubectl', ['kustomize', folder]);
    return await runPostRenderHooks(config, objects, ([file, ...args], input) =>
      run(file, args, { input, cwd: root, env: { ...process.env, NAMESPACE: namespace } }),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The pods that run the image, as Skaffold looks for them. */
async function podsOf(namespace: TestNamespace): Promise<string[]> {
  const { items } = (await namespace.get('pods', '--field-selector=status.phase=Running')) as {
    items: { metadata: { name: string }; spec: { containers: { image: string }[] } }[];
  };
  return items
    .filter(({ spec }) => spec.containers.some((container) => container.image === image))
    .map(({ metadata }) => metadata.name);
}

/** The routes, telling in each answer which edit of them it is. */
function withEdit(source: string, edit: string): string {
  return source.replace('ctx.body =', `ctx.set('x-edit', '${edit}');\n    ctx.body =`);
}

/** Puts a file into each pod. */
async function sync(
  namespace: TestNamespace,
  pods: readonly string[],
  file: string,
  content: string,
): Promise<void> {
  const [destination = 'no rule for it'] = syncDestinations(movie(), file);
  const archive = await syncArchive(destination, content);
  const tar = ['tar', 'xmf', '-', '-C', '/', '--no-same-owner'];
  await Promise.all(pods.map((pod) => inPod(namespace, pod, tar, archive)));
}

/** Asks a pod from within until it has the edit, and says with which status it then answers. */
function answered(namespace: TestNamespace, pod: string, edit: string): Promise<string> {
  const script = `
    const deadline = Date.now() + ${limitMs};
    const ask = () => fetch('http://127.0.0.1:8080/movie?id=1').then(
      (response) => response.headers.get('x-edit') === '${edit}' && response.status,
      () => undefined,
    );
    (async () => {
      let status;
      while (!(status = await ask()) && Date.now() < deadline) await new Promise((go) => setTimeout(go, 50));
      process.stdout.write(String(status || 'not the edit'));
    })();`;
  return inPod(namespace, pod, ['node', '--eval', script]);
}

function inPod(
  { name }: TestNamespace,
  pod: string,
  command: readonly string[],
  input?: Buffer,
): Promise<string> {
  const args = ['exec', '--stdin', '--container=server', pod, '--', ...command];
  return kubectlIn(name, args, { input, limitMs: 20_000 });
}
