import { ManualClock } from './testing/manual-clock';
import { TokenBucket } from './token-bucket';

/** Takes tokens one after the other for `durationMs`; when each was there, from the start. */
async function timesOf(bucket: TokenBucket, clock: ManualClock, durationMs: number) {
  const controller = new AbortController();
  const startedAt = clock.now();
  const times: number[] = [];
  const spin = async () => {
    for (;;) {
      await bucket.take(controller.signal);
      times.push(clock.now() - startedAt);
    }
  };
  const spinning = spin().catch(() => undefined);
  await clock.advance(durationMs);
  controller.abort();
  await spinning;
  return times;
}

describe('TokenBucket', () => {
  it('lets a loop run its burst at once and then at its pace', async () => {
    const clock = new ManualClock();
    const bucket = new TokenBucket({ burst: 2, perSecond: 1, clock });
    expect(await timesOf(bucket, clock, 4500)).toEqual([0, 0, 1000, 2000, 3000, 4000]);
  });

  it('fills up to its burst and no further', async () => {
    const clock = new ManualClock();
    const bucket = new TokenBucket({ burst: 2, perSecond: 1, clock });
    await clock.advance(3_600_000);
    expect(await timesOf(bucket, clock, 1500)).toEqual([0, 0, 1000]);
  });

  it('serves several takers one after the other', async () => {
    const clock = new ManualClock();
    const bucket = new TokenBucket({ burst: 1, perSecond: 2, clock });
    const { signal } = new AbortController();
    const startedAt = clock.now();
    const times: number[] = [];
    for (let i = 0; i < 4; i += 1) {
      void bucket.take(signal).then(() => times.push(clock.now() - startedAt));
    }
    await clock.advance(2000);
    expect(times).toEqual([0, 500, 1000, 1500]);
  });

  it('ends a wait with the reason of the signal, and leaves no timer', async () => {
    const clock = new ManualClock();
    const bucket = new TokenBucket({ burst: 1, perSecond: 1, clock });
    const reason = new Error('closed');
    const controller = new AbortController();
    await bucket.take(controller.signal);
    const waiting = bucket.take(controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
  });
});
