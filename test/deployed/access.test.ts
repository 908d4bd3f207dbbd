import { describeOnCluster } from '../cluster/cluster';
import { kubectlIn } from '../cluster/kubectl';
import {
  deployed,
  deployedLimitMs,
  inPod,
  kubectl,
  make,
  namespace,
  services,
  type Service,
} from './deployed';

jest.setTimeout(120_000);

interface Rule {
  readonly resourceNames?: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** Every account may ask what it is, and what it may do. */
const aboutItself = ['authorization.k8s.io', 'authentication.k8s.io'];
const tokenFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

describeOnCluster('of the deployed services', () => {
  beforeAll(() => deployed('kubernetes'), deployedLimitMs);
  afterAll(() => make('undeploy'), deployedLimitMs);

  it('movie may list and watch EndpointSlices, and nothing else', async () => {
    expect(await rulesOf('movie')).toEqual([
      { verbs: ['list', 'watch'], apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'] },
    ]);
  });

  it.each(['metadata', 'rating'] as const)('%s may do nothing', async (service) => {
    expect(await rulesOf(service)).toEqual([]);
  });

  it('postgres may get and patch the Secret with its password, and nothing else', async () => {
    expect(await rulesOf('postgres')).toEqual([
      {
        verbs: ['get', 'patch'],
        apiGroups: [''],
        resources: ['secrets'],
        resourceNames: ['postgres-password'],
      },
    ]);
  });

  it('of the services only movie has a token', async () => {
    const script = `console.log(require('node:fs').existsSync('${tokenFolder}/token'))`;
    const found = services.map(async (service) => [service, await inPod(service, script)]);
    expect(Object.fromEntries(await Promise.all(found))).toEqual({
      metadata: 'false',
      rating: 'false',
      movie: 'true',
    });
  });

  it.each(['postgres-0', 'deployment/metadata', 'deployment/rating', 'deployment/movie'])(
    'the password is in no environment of %s',
    async (pod) => {
      const password = await kubectl(
        ...[
          'get',
          'secret/postgres-password',
          '--output=go-template={{.data.password|base64decode}}',
        ],
      );
      expect(password).toMatch(/^[0-9a-f]{64}$/);
      const spec = await kubectl('get', pod.includes('/') ? pod : `pod/${pod}`, '--output=json');
      expect(spec).not.toContain(password);
      // That of the process too, which the image may have changed.
      const environment = pod.includes('/')
        ? await kubectl('exec', pod, '--', '/nodejs/bin/node', '--print', 'process.env')
        : await kubectl('exec', pod, '--', 'cat', '/proc/1/environ');
      expect(environment).toContain('KUBERNETES_SERVICE_HOST');
      expect(environment).not.toContain(password);
    },
  );

  it('the namespace takes no pod that breaks the standard restricted', async () => {
    const root = kubectl('run', 'root', '--image=any', '--dry-run=server');
    await expect(root).rejects.toThrow(/violates PodSecurity "restricted:latest"/);
  });
});

/** What an account may do, but for asking about itself. */
async function rulesOf(account: Service | 'postgres'): Promise<Rule[]> {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    spec: { namespace },
  };
  const answer = await kubectlIn(
    namespace,
    [
      // Validation would ask for the schema as that account, which may not see it.
      ...['create', '--filename=-', '--output=json', '--validate=false'],
      `--as=system:serviceaccount:${namespace}:${account}`,
    ],
    { input: JSON.stringify(review) },
  );
  const { status } = JSON.parse(answer) as { status: { resourceRules: Rule[] } };
  return status.resourceRules.filter(
    ({ apiGroups }) => !apiGroups.every((group) => aboutItself.includes(group)),
  );
}
