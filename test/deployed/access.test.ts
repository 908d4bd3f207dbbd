import { describeOnCluster } from '../cluster/cluster';
import { kubectlIn } from '../cluster/kubectl';
import { deployed, deployedLimitMs, kubectl, make, services, type Service } from './deployed';

jest.setTimeout(120_000);

interface Rule {
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

  it('only movie has a token', async () => {
    const script = `console.log(require('node:fs').existsSync('${tokenFolder}/token'))`;
    const found = services.map(async (service) => [service, await inPod(service, script)]);
    expect(Object.fromEntries(await Promise.all(found))).toEqual({
      metadata: 'false',
      rating: 'false',
      movie: 'true',
    });
  });

  it.each([
    ['movie', 'http://metadata/livez'],
    ['movie', 'http://rating/livez'],
    ['movie', 'https://kubernetes.default/livez'],
  ] as const)('%s reaches %s', async (service, url) => {
    expect(await reach(service, url)).toBe('reached');
  });

  itWherePoliciesAreEnforced.each([
    ['metadata', 'http://rating/livez'],
    ['rating', 'http://metadata/livez'],
    ['rating', 'http://movie/livez'],
    ['metadata', 'https://kubernetes.default/livez'],
  ] as const)('%s does not reach %s', async (service, url) => {
    expect(await reach(service, url)).not.toBe('reached');
  });

  it('the namespace takes no pod that breaks the standard restricted', async () => {
    const root = kubectl('run', 'root', '--image=movies/movie:any', '--dry-run=server');
    await expect(root).rejects.toThrow(/violates PodSecurity "restricted:latest"/);
  });
});

/** Tries from a pod of the service. Any HTTP status will do, and any certificate: it is the way that counts. */
function reach(service: Service, url: string): Promise<string> {
  const module = url.startsWith('https:') ? 'node:https' : 'node:http';
  return inPod(
    service,
    `require('${module}').get('${url}', { timeout: 3000, rejectUnauthorized: false }, () => end('reached'))
      .on('timeout', () => end('timeout')).on('error', ({ code }) => end(code));
    function end(how) { console.log(how); process.exit(); }`,
  );
}

/** Runs a script on the Node of one of its pods. */
async function inPod(service: Service, script: string): Promise<string> {
  const node = ['/nodejs/bin/node', '--eval', script];
  return (await kubectl('exec', `deployment/${service}`, '--', ...node)).trim();
}

/** What the service's account may do, but for asking about itself. */
async function rulesOf(service: Service): Promise<Rule[]> {
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
      `--as=system:serviceaccount:movies:${service}`,
    ],
    { input: JSON.stringify(review) },
  );
  const { status } = JSON.parse(answer) as { status: { resourceRules: Rule[] } };
  return status.resourceRules.filter(
    ({ apiGroups }) => !apiGroups.every((group) => aboutItself.includes(group)),
  );
}
