import { ownerDoes } from '../cluster/cluster';
import { namespace, podsOf, type Service } from '../deployed/deployed';
import { failedBetweenServices, lossesOf } from './story';
import { describeUnderLoad } from './under-load';

jest.setTimeout(300_000);

/** How a connection ends whose other side is gone. */
const brokenConnections = ['ECONNRESET', 'ECONNREFUSED', 'socket hang up', 'broken off ECONNRESET'];

describeUnderLoad('under load', { needed: ['CLUSTER_KILL_POD'] }, (during) => {
  it('nothing is lost while the process of a pod of metadata is killed', async () => {
    const story = await during('kill -9 in a pod of metadata', () => kill('metadata'));
    expect(lossesOf(story)).toEqual([]);
  });

  // Who calls a pod by its Service's address has a connection to it that breaks without a word, and only the
  // caller could ask again. Nothing that movie asks of others is lost: no answer is an error, and none degraded.
  it.each(['rating', 'movie'] as const)(
    'nothing between the services is lost while the process of a pod of %s is killed',
    async (service) => {
      const story = await during(`kill -9 in a pod of ${service}`, () => kill(service));
      expect(failedBetweenServices(story)).toBe(0);
      const others = Object.keys(story.failed).filter(
        (reason) => !brokenConnections.includes(reason.replace(`${service} `, '')),
      );
      expect(others).toEqual([]);
    },
  );
});

async function kill(service: Service): Promise<void> {
  const [pod = ''] = await podsOf(service);
  await ownerDoes('CLUSTER_KILL_POD', '-n', namespace, pod);
}
