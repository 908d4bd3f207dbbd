import { describeOnCluster } from '../cluster/cluster';
import { manifests } from '../manifests/render';
import { callRating } from './call-rating';
import { deployed, deployedLimitMs, kubectl, make, podsOf, postgresReady } from './deployed';

jest.setTimeout(240_000);

const reads = 300;
/** One that nobody has voted on, whatever was here before. */
const record = `id=${Date.now()}&type=movie`;

describeOnCluster('state of the deployed services', () => {
  beforeAll(async () => {
    await deployed('kubernetes');
    await make('scale', 'SERVICE=rating', 'N=3');
  }, deployedLimitMs);
  afterAll(() => make('scale', 'SERVICE=rating', 'N=2'));

  it(`of three pods of rating each says the same, in ${reads} reads after one vote`, async () => {
    const vote = await callRating('PUT', `${record}&userId=ann&value=4`);
    expect(vote.answers).toEqual({ '204': 1 });
    const { answers, pods } = await callRating('GET', record, reads);
    expect(answers).toEqual({ '200 4': reads });
    expect(pods).toEqual((await podsOf('rating')).sort());
  });

  it('is still there when every pod was replaced, that of PostgreSQL too', async () => {
    await kubectl('delete', 'pod/postgres-0');
    await postgresReady();
    await kubectl('rollout', 'restart', 'deployment/rating');
    await kubectl('rollout', 'status', 'deployment/rating', '--timeout=120s');
    expect((await callRating('GET', record)).answers).toEqual({ '200 4': 1 });
  });

  it('is there with a new password too, after its Secret was lost', async () => {
    const before = await password();
    await kubectl('delete', 'secret/postgres-password');
    await kubectl(
      'apply',
      `--filename=${manifests}/components/database-postgres/server/secret.yaml`,
    );
    await kubectl('rollout', 'restart', 'statefulset/postgres');
    await postgresReady();
    expect(await password()).not.toBe(before);
    await kubectl('rollout', 'restart', 'deployment/rating');
    await kubectl('rollout', 'status', 'deployment/rating', '--timeout=120s');
    expect((await callRating('GET', record)).answers).toEqual({ '200 4': 1 });
  });
});

function password(): Promise<string> {
  return kubectl('get', 'secret/postgres-password', '--output=jsonpath={.data.password}');
}
