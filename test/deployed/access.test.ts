import { describeOnCluster } from '../cluster/cluster';
import { kubectlIn } from '../cluster/kubectl';
import {
  deployed,
  deployedLimitMs,
  inPod,
  kubectl,
  make,
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

/** Not every cluster's network does, and none says so. */
const itWherePoliciesAreEnforced = process.env['CLUSTER_ENFORCES_POLICIES'] ? it : it.skip;
if (itWherePoliciesAreEnforced === it.skip) {
  process.stderr.write(
    '\n!!! SKIPPED: what network policies refuse; CLUSTER_ENFORCES_POLICIES=1\n',
  );
}

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

  it.each([
    ['movie', 'metadata:80'],
    ['movie', 'rating:80'],
    ['movie', 'kubernetes.default:443'],
    ['metadata', 'postgres:5432'],
    ['rating', 'postgres:5432'],
  ] as const)('%s reaches %s', async (service, address) => {
    expect(await reach(service, address)).toBe('reached');
  });

  itWherePoliciesAreEnforced.each([
    ['metadata', 'rating:80'],
    ['rating', 'metadata:80'],
    ['rating', 'movie:80'],
    ['metadata', 'kubernetes.default:443'],
    ['movie', 'postgres:5432'],
  ] as const)('%s does not reach %s', async (service, address) => {
    expect(await reach(service, address)).not.toBe('reached');
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
    const root = kubectl('run', 'root', '--image=movies/movie:any', '--dry-run=server');
    await expect(root).rejects.toThrow(/violates PodSecurity "restricted:latest"/);
  });
});

/** Tries from a pod of the service, whether a connection is made. */
function reach(service: Service, address: string): Promise<string> {
  const [host = '', port = ''] = address.split(':');
  return inPod(
    service,
    `require('node:net').connect({ host: '${host}', port: ${port}, timeout: 3000 }, () => end('reached'))
      .on('timeout', () => end('timeout')).on('error', ({ code }) => end(code));
    function end(how) { console.log(how); process.exit(); }`,
  );
}

/** What an account may do, but for asking about itself. */
async function rulesOf(account: Service | 'postgres'): Promise<Rule[]> {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    spec: { namespace: 'movies' },
  };
  const answer = await kubectlIn(
    'movies',
    [
      // Validation would ask for the schema as that account, which may not see it.
      ...['create', '--filename=-', '--output=json', '--validate=false'],
      `--as=system:serviceaccount:movies:${account}`,
    ],
    { input: JSON.stringify(review) },
  );
  const { status } = JSON.parse(answer) as { status: { resourceRules: Rule[] } };
  return status.resourceRules.filter(
    ({ apiGroups }) => !apiGroups.every((group) => aboutItself.includes(group)),
  );
}
