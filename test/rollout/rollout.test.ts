import { describeOnCluster, ownerDoes } from '../cluster/cluster';
import { kubectlIn } from '../cluster/kubectl';
import { until } from '../until';
import { LoadPod, type LoadTotals } from './load-pod';
import { printTable, type Story } from './story-table';

jest.setTimeout(300_000);

const namespace = process.env['NAMESPACE'] ?? 'movies';
const services = ['metadata', 'rating', 'movie'] as const;
/** How a connection ends whose other side is gone. */
const brokenConnections = ['ECONNRESET', 'ECONNREFUSED', 'socket hang up', 'broken off ECONNRESET'];
/** Requests that each story lasts at least. */
const enough = 10_000;

describeOnCluster(
  'under a constant load no request fails and none is degraded',
  () => {
    let load: LoadPod;
    const stories: Story[] = [];

    beforeAll(async () => {
      const image = await kubectl(
        ...[
          'get',
          'deployment/movie',
          '--output=jsonpath={.spec.template.spec.containers[0].image}',
        ],
      );
      await settle();
      load = await LoadPod.start(namespace, image);
    });

    afterAll(async () => {
      await load.stop();
      await settle();
      printTable(stories);
    });

    /** What came of the load from before the event until enough was sent and all is as before. */
    async function during(name: string, event: () => Promise<void>): Promise<Story> {
      const before = await load.totals();
      await event();
      await settle();
      await until(async () => (await load.totals()).sent >= before.sent + enough, 120_000);
      const story = { name, ...difference(before, await load.totals()) };
      stories.push(story);
      return story;
    }

    const nothing = { degraded: 0, failed: {} };

    it.each(services)('while %s is restarted, pod after pod', async (service) => {
      const story = await during(`rolling restart of ${service}`, async () => {
        await kubectl('rollout', 'restart', `deployment/${service}`);
      });
      expect(story).toMatchObject(nothing);
    });

    it.each(services)('while %s is scaled to 5, 1 and 2', async (service) => {
      const story = await during(`${service} scaled 2 → 5 → 1 → 2`, async () => {
        for (const replicas of [5, 1, 2]) {
          await kubectl('scale', `deployment/${service}`, `--replicas=${replicas}`);
          await settle();
        }
      });
      expect(story).toMatchObject(nothing);
    });

    it.each(services)('while a pod of %s is deleted', async (service) => {
      const story = await during(`a pod of ${service} deleted`, async () => {
        await kubectl('delete', 'pod', await podOf(service), '--wait=false');
      });
      expect(story).toMatchObject(nothing);
    });

    it.each(services)('while a pod of %s is deleted by force', async (service) => {
      const story = await during(`a pod of ${service} deleted by force`, async () => {
        await kubectl('delete', 'pod', await podOf(service), '--grace-period=0', '--force');
      });
      expect(story).toMatchObject(nothing);
    });

    it('while the process of a pod of metadata is killed', async () => {
      const story = await during('kill -9 in a pod of metadata', () => kill('metadata'));
      expect(story).toMatchObject(nothing);
    });

    // Who calls a pod by its Service's address has a connection to it that breaks without a word, and only the
    // caller could ask again. Nothing that movie asks of others is lost: no answer is an error, and none degraded.
    it.each(['rating', 'movie'] as const)(
      'while the process of a pod of %s is killed, but for the connections to it',
      async (service) => {
        const story = await during(`kill -9 in a pod of ${service}`, () => kill(service));
        const others = Object.keys(story.failed).filter(
          (reason) => !brokenConnections.includes(reason.replace(`${service} `, '')),
        );
        expect({ others, degraded: story.degraded }).toEqual({ others: [], degraded: 0 });
      },
    );

    it('while the API server is gone for 30 s', async () => {
      const story = await during('API server stopped for 30 s', async () => {
        await ownerDoes('CLUSTER_API_STOP');
        await new Promise((resolve) => setTimeout(resolve, 30_000));
        await ownerDoes('CLUSTER_API_START');
      });
      expect(story).toMatchObject(nothing);
    });
  },
  ['CLUSTER_KILL_POD', 'CLUSTER_API_STOP', 'CLUSTER_API_START'],
);

async function kill(service: string): Promise<void> {
  await ownerDoes('CLUSTER_KILL_POD', '-n', namespace, await podOf(service));
}

function kubectl(...args: string[]): Promise<string> {
  return kubectlIn(namespace, args);
}

/** Waits until every Deployment has what it wants. */
async function settle(): Promise<void> {
  for (const service of services) {
    await kubectl('rollout', 'status', `deployment/${service}`, '--timeout=120s');
  }
}

function podOf(service: string): Promise<string> {
  return kubectl(
    ...['get', 'pods', '--selector', `app.kubernetes.io/name=${service}`],
    ...['--field-selector=status.phase=Running', '--output=jsonpath={.items[0].metadata.name}'],
  );
}

function difference(before: LoadTotals, after: LoadTotals): LoadTotals {
  const failed = Object.entries(after.failed)
    .map(([reason, count]) => [reason, count - (before.failed[reason] ?? 0)] as const)
    .filter(([, count]) => count > 0);
  return {
    sent: after.sent - before.sent,
    ok: after.ok - before.ok,
    degraded: after.degraded - before.degraded,
    failed: Object.fromEntries(failed),
  };
}
