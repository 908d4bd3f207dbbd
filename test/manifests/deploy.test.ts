import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { at, isWorkload, type KubeObject } from './kube-object';
import { parseObjects } from './render';
import { describeScripts, programOf, ScriptTools } from './script-tools';

const hash = '0123456789ab';
const docker = `
'image inspect --format {{.Id}} '*) echo sha256:${hash}cdef ;;
'image inspect --format {{.Size}} '*) echo 1 ;;`;
const kubectl = (file: string) => `
*' apply '*)
  for folder; do :; done
  ${programOf('kubectl') ?? ''} kustomize "$folder" >'${file}' || exit 1
  echo 'statefulset.apps/postgres created' ;;`;

describeScripts('make deploy', (shell) => {
  let tools: ScriptTools;
  let applied: string;
  beforeEach(() => {
    tools = new ScriptTools(shell).add('docker', docker).add('git').add('kind');
    applied = path.join(tools.folder, 'applied');
    tools.kubectl({ context: 'kind-blue' }, kubectl(applied));
  });
  afterEach(() => {
    tools.remove();
  });
  const run = (env = {}) => tools.run('deploy.sh', env);
  const objects = () => parseObjects(readFileSync(applied, 'utf8'));
  const workloads = () => objects().filter(isWorkload);
  const imagesOfServices = () =>
    workloads()
      .filter(({ kind }) => kind === 'Deployment')
      .map((object) => at(object, 'spec.template.spec.containers.0.image'))
      .sort();

  it('builds, loads and names the images by their content', () => {
    const { code, output, errors } = run();
    expect({ code, errors }).toEqual({
      code: 0,
      errors: 'make deploy: context kind-blue, namespace movies\n',
    });
    const images = ['metadata', 'rating', 'movie'].map(
      (service) => `localhost/movies/${service}:1.2.3-${hash}`,
    );
    expect(imagesOfServices()).toEqual([...images].sort());
    expect(output).toContain(`Images: ${images.join(' ')}`);
    expect(output).toContain('metadata, rating and movie run, version 1.2.3, overlay kubernetes.');
    expect(tools.calls('kind')).toHaveLength(1);
    expect(readdirSync(path.join(tools.folder, 'tmp'))).toEqual([]);
  });

  it('waits for what the services need, and then for them', () => {
    run({ SKIP_IMAGES: '1', DEPLOY_TIMEOUT: '33' });
    const waits = tools.calls('kubectl').filter((call) => call.includes('rollout status'));
    expect(waits.map((call) => call.replace(/^.*rollout status /, ''))).toEqual(
      [
        'statefulset.apps/postgres',
        'deployment/metadata',
        'deployment/rating',
        'deployment/movie',
      ].map((workload) => `--timeout=33s ${workload}`),
    );
  });

  it('asks the API server to refuse unknown fields, in the context that it named', () => {
    run({ SKIP_IMAGES: '1' });
    expect(tools.calls('kubectl').filter((call) => call.includes(' apply '))).toEqual([
      expect.stringMatching(
        /^kubectl --context kind-blue --namespace movies apply --validate=strict --kustomize \S+$/,
      ),
    ]);
  });

  it('labels what is released with the version, and leaves PostgreSQL as it is', () => {
    run({ SKIP_IMAGES: '1' });
    const isPostgres = ({ metadata }: KubeObject) => metadata.name.startsWith('postgres');
    for (const object of objects()) {
      // Another version in the template would have PostgreSQL restarted with each release.
      const expected = isPostgres(object) ? '15' : '1.2.3';
      expect(versionOf(object, 'metadata')).toBe(expected);
      if (isWorkload(object)) expect(versionOf(object, 'spec.template.metadata')).toBe(expected);
    }
  });

  it('changes nothing of PostgreSQL from one version to the next', () => {
    const postgres = () => workloads().filter(({ metadata }) => metadata.name === 'postgres');
    run({ SKIP_IMAGES: '1' });
    const before = postgres();
    run({ SKIP_IMAGES: '1', VERSION: '1.2.4' });
    expect(before).toHaveLength(1);
    expect(postgres()).toEqual(before);
  });

  it.each(['kubernetes', 'dns', 'consul', 'database-url'])(
    'puts all of %s into NAMESPACE, and names the tag VERSION with SKIP_IMAGES=1',
    (overlay) => {
      const env = { SKIP_IMAGES: '1', NAMESPACE: 'staging', OVERLAY: overlay };
      const { code, output } = run(env);
      expect(code).toBe(0);
      const spaces = objects().map(({ kind, metadata }) =>
        kind === 'Namespace' ? metadata.name : metadata.namespace,
      );
      expect(new Set(spaces)).toEqual(new Set(['staging']));
      const lines = readFileSync(applied, 'utf8').split('\n');
      expect(lines.filter((line) => line.includes('namespace: movies'))).toEqual([]);
      expect(imagesOfServices()).toEqual([
        'localhost/movies/metadata:1.2.3',
        'localhost/movies/movie:1.2.3',
        'localhost/movies/rating:1.2.3',
      ]);
      expect(output).toContain('make smoke NAMESPACE=staging\n');
      expect(tools.calls('docker')).toEqual([]);
      expect(tools.calls('kind')).toEqual([]);
    },
  );

  it('says before it builds that there is no way into the cluster', () => {
    tools.kubectl({ context: 'elsewhere' }, kubectl(applied));
    const { code, errors } = run();
    expect(code).toBe(1);
    expect(errors).toContain("there is no way known into the cluster of the context 'elsewhere'");
    expect(tools.calls('docker').filter((call) => call.includes(' build '))).toEqual([]);
  });

  it('gives no Deployment up while PostgreSQL may still start', () => {
    run({ SKIP_IMAGES: '1', DEPLOY_TIMEOUT: '1800' });
    const deployments = workloads().filter(({ kind }) => kind === 'Deployment');
    expect(deployments.map((object) => at(object, 'spec.progressDeadlineSeconds'))).toEqual([
      3600, 3600, 3600,
    ]);
  });

  it('pushes to REGISTRY and names it, and loads nothing', () => {
    expect(run({ REGISTRY: 'ghcr.io/you' }).code).toBe(0);
    expect(imagesOfServices()[0]).toBe(`ghcr.io/you/metadata:1.2.3-${hash}`);
    expect(tools.calls('docker').filter((call) => call.startsWith('docker push'))).toHaveLength(6);
    expect(tools.calls('kind')).toEqual([]);
  });

  it('gives every pod the Secret to pull with', () => {
    run({ SKIP_IMAGES: '1', REGISTRY: 'ghcr.io/you', PULL_SECRET: 'ghcr' });
    expect(workloads()).toHaveLength(4);
    for (const object of workloads()) {
      expect(at(object, 'spec.template.spec.imagePullSecrets')).toEqual([{ name: 'ghcr' }]);
    }
  });

  it.each([
    [
      'an unknown overlay',
      { OVERLAY: 'etcd' },
      "there is no overlay 'etcd'; there are: consul database-url dns kubernetes",
    ],
    ['an overlay elsewhere', { OVERLAY: '../base' }, "there is no overlay '../base'"],
    [
      'no time',
      { DEPLOY_TIMEOUT: '10m' },
      "DEPLOY_TIMEOUT is a number from 1 to 86400, and not '10m'",
    ],
  ])('says what is wrong with %s, before it builds', (_, env, message) => {
    const { code, errors } = run(env);
    expect([code, errors]).toEqual([1, expect.stringContaining(`make deploy: ${message}`)]);
    expect(tools.calls('docker')).toEqual([]);
  });

  it.each([
    [{ OVERLAY: 'database-url' }, 'secret/database', 'secret generic database'],
    [
      { PULL_SECRET: 'ghcr', REGISTRY: 'ghcr.io/you' },
      'secret/ghcr',
      'secret docker-registry ghcr --docker-server=ghcr.io',
    ],
  ])('with %j says how to make the Secret that is missing', (env, secret, command) => {
    tools.kubectl({ context: 'kind-blue' }, `*${secret}*) exit 1 ;;`);
    const { code, errors } = run({ ...env, NAMESPACE: 'staging' });
    expect(code).toBe(1);
    expect(errors).toContain(
      `\n  kubectl create namespace staging --save-config\n  kubectl -n staging create ${command}`,
    );
    expect(tools.calls('docker')).toEqual([]);
  });

  it('says that the cluster does not answer', () => {
    tools.kubectl({ context: 'kind-blue' }, `*readyz*) exit 1 ;;`);
    expect(run().errors).toContain("the cluster of the context 'kind-blue' does not answer");
  });

  it('applies nothing where an image could not be built', () => {
    tools.add('docker', 'build*) exit 1 ;;');
    expect(run().code).toBe(1);
    expect(tools.calls('kubectl').join()).not.toContain(' apply ');
  });

  it('shows pods and events of what does not run', () => {
    const broken = `*'rollout status'*deployment/rating) exit 1 ;;\n*' get events '*) echo BackOff ;;`;
    tools.kubectl({ context: 'kind-blue' }, kubectl(applied) + broken);
    const { code, errors } = run({ SKIP_IMAGES: '1' });
    expect(code).toBe(1);
    expect(errors).toMatch(/BackOff\nmake deploy: rating does not run; above is what the cluster/);
    expect(readdirSync(path.join(tools.folder, 'tmp'))).toEqual([]);
  });
});

function versionOf(object: KubeObject, place: string): unknown {
  const labels = at(object, `${place}.labels`) as Record<string, string>;
  return labels['app.kubernetes.io/version'];
}
