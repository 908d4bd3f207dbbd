import { describeOnCluster, type ClusterNeed } from '../cluster/cluster';
import { deployed, deployedLimitMs, settle } from '../deployed/deployed';
import { until } from '../until';
import { LoadPod, type LoadTotals } from './load-pod';
import { printTable, storyBetween, type Story } from './story';

/** Requests that each story lasts at least. */
const enough = 10_000;

/** What came of the load from before the event until enough was sent and all is as before. */
export type During = (
  name: string,
  event: (totals: () => Promise<LoadTotals>) => Promise<unknown>,
) => Promise<Story>;

interface LoadNeeds {
  readonly needed?: readonly ClusterNeed[];
  /** A node on which the load must not be. */
  readonly avoid?: string | undefined;
}

/** Stories about the deployed services, told by a constant load. Prints them as a table at the end. */
export function describeUnderLoad(
  name: string,
  { needed = [], avoid }: LoadNeeds,
  suite: (during: During) => void,
): void {
  describeOnCluster(
    name,
    () => {
      let load: LoadPod;
      const stories: Story[] = [];

      beforeAll(async () => {
        await deployed('kubernetes');
        load = await LoadPod.start(avoid);
      }, deployedLimitMs);

      afterAll(async () => {
        await LoadPod.remove();
        printTable(stories);
      });

      suite(async (what, event) => {
        const before = await load.totals();
        await event(() => load.totals());
        await settle();
        let after: LoadTotals = before;
        const isEnough = async () => {
          after = await load.totals();
          return after.sent >= before.sent + enough;
        };
        // The load counts by the second, and each question takes processor time from it.
        await until(isEnough, 120_000, 1000);
        const story = storyBetween(what, before, after);
        stories.push(story);
        return story;
      });
    },
    needed,
  );
}
