import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describeOnCluster } from '../cluster/cluster';
import { kubectlIn } from '../cluster/kubectl';
import { run } from '../cluster/run';
import { TestNamespace } from '../cluster/test-namespace';
import { manifests } from '../manifests/render';
import { callRating } from './call-rating';
import { deployedLimitMs, imagesLoaded, kubectl, make, namespace as ours } from './deployed';

jest.setTimeout(240_000);

/** Ours, as anyone's might be: in another namespace, and known by its address alone. */
describeOnCluster('a database of yours', () => {
  let namespace: TestNamespace;

  beforeAll(async () => {
    await imagesLoaded();
    await make('undeploy');
    namespace = await TestNamespace.create();
    await kubectlIn(namespace.name, ['apply', '--filename=-'], {
      input: await serverFor(namespace.name),
    });
    await namespace.kubectl('rollout', 'status', 'statefulset/postgres', '--timeout=120s');
  }, deployedLimitMs);
  afterAll(async () => {
    await make('undeploy');
    await namespace.remove();
  }, deployedLimitMs);

  it('is asked for by make deploy, before anything is deployed', async () => {
    const deploying = make('deploy', 'OVERLAY=database-url', 'SKIP_IMAGES=1');
    await expect(deploying).rejects.toThrow(
      /wants the address of your database in a Secret:\n.*\n.* create secret generic database/,
    );
    expect(await run('kubectl', ['get', `namespace/${ours}`, '--ignore-not-found'])).toBe('');
  });

  it('has the state, and there is none of ours', async () => {
    const decoded = '--output=go-template={{.data.password|base64decode}}';
    const password = await namespace.kubectl('get', 'secret/postgres-password', decoded);
    const url = `postgres://movies:${password}@postgres.${namespace.name}/movies`;
    // As the message says.
    await run('kubectl', ['create', 'namespace', ours, '--save-config']);
    await kubectl('create', 'secret', 'generic', 'database', `--from-literal=url=${url}`);
    await make('deploy', 'OVERLAY=database-url', 'SKIP_IMAGES=1');
    expect(await kubectl('get', 'statefulsets', '--output=name')).toBe('');
    const record = 'id=one&type=movie';
    expect((await callRating('PUT', `${record}&userId=ann&value=4`)).answers).toEqual({ '204': 1 });
    const { answers, pods } = await callRating('GET', record, 40);
    expect(answers).toEqual({ '200 4': 40 });
    expect(pods).toHaveLength(2);
  });
});

/** The server of the component, where any pod may reach it. */
async function serverFor(namespace: string): Promise<string> {
  // Kustomize takes relative paths only, and follows symbolic links first.
  const folder = await mkdtemp(path.join(await realpath(tmpdir()), 'movies-database-'));
  const policy = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' };
  const kustomization = {
    namespace,
    resources: [path.relative(folder, path.join(manifests, 'components/database-postgres/server'))],
    patches: [
      {
        patch: JSON.stringify({ ...policy, metadata: { name: 'postgres' }, $patch: 'delete' }),
      },
    ],
  };
  try {
    await writeFile(path.join(folder, 'kustomization.yaml'), JSON.stringify(kustomization));
    return await run('kubectl', ['kustomize', folder]);
  } finally {
    await rm(folder, { recursive: true });
  }
}
