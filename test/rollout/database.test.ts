import { setTimeout as delay } from 'node:timers/promises';
import { kubectl, postgresReady } from '../deployed/deployed';
import type { LoadTotals } from './load-pod';
import { storyBetween } from './story';
import { describeUnderLoad } from './under-load';

jest.setTimeout(300_000);

/** From the time that PostgreSQL is ready again. */
const healedWithinMs = 5000;
/** The load tells of each second when it is over. */
const toldAfterMs = 1000;

describeUnderLoad('under load', {}, (during) => {
  it('while PostgreSQL is restarted votes are refused, to be cast again, films are shown, and both are well 5 s later', async () => {
    let before: LoadTotals | undefined;
    let healed: LoadTotals | undefined;
    const story = await during('PostgreSQL restarted', async (totals) => {
      before = await totals();
      await kubectl('delete', 'pod/postgres-0');
      await postgresReady();
      await delay(healedWithinMs + toldAfterMs);
      healed = await totals();
    });
    // Were nothing refused, it would not have been away.
    expect(Object.keys(story.failed)).toEqual(['rating 503']);
    if (before === undefined || healed === undefined) throw new Error('the load was not asked');
    const untilHealed = storyBetween('until healed', before, healed);
    expect({ failed: story.failed, degraded: story.degraded }).toEqual({
      failed: untilHealed.failed,
      degraded: untilHealed.degraded,
    });
  });
});
