import { ManualClock } from '@movies/time/testing';
import { OpenLoop, type Sample } from './load';
import type { Request } from './request';

/** A loop of 100 requests a second, 1,000 ms for each; what it sends waits for the test. */
function openLoop(call: (request: Request) => Promise<string>) {
  const clock = new ManualClock(0);
  const loop = new OpenLoop({
    perSecond: 100,
    limitMs: 1000,
    methodOf: () => 'GET',
    call,
    clock,
  });
  return { clock, loop };
}

async function samplesOf(loop: OpenLoop, clock: ManualClock): Promise<readonly Sample[]> {
  const stopping = loop.stop();
  await clock.advance(1100);
  return stopping;
}

describe('the open loop', () => {
  it('sends at fixed moments, also while nothing is answered', async () => {
    const sentAt: number[] = [];
    const { clock, loop } = openLoop(() => {
      sentAt.push(clock.now());
      return new Promise(() => undefined);
    });
    loop.start();
    await clock.advance(45);
    expect(sentAt).toEqual([0, 10, 20, 30, 40]);
  });

  it('counts latency from the moment at which a request was due, so that a stall of the process shows', async () => {
    const { clock, loop } = openLoop(() => Promise.resolve('ok'));
    loop.start();
    await clock.advance(5);
    clock.stall(100);
    await clock.advance(0);
    const samples = await samplesOf(loop, clock);
    expect(samples.map(({ atMs, latencyMs }) => [atMs, latencyMs])).toEqual([
      [0, 0],
      ...Array.from({ length: 10 }, (_, i) => [10 * (i + 1), 105 - 10 * (i + 1)]),
    ]);
  });

  it('fails what has no answer in time, once, whatever comes later', async () => {
    const settle: ((outcome: string) => void)[] = [];
    const { clock, loop } = openLoop(() => new Promise((resolve) => settle.push(resolve)));
    loop.start();
    await clock.advance(5);
    const samples = await samplesOf(loop, clock);
    settle[0]?.('ok');
    await clock.advance(10);
    expect(samples).toHaveLength(1);
    expect(samples[0]).toMatchObject({ id: 0, outcome: 'deadline' });
  });

  it('has an outcome for each request that it sent, in their order', async () => {
    const { clock, loop } = openLoop(async ({ id }) => {
      await new Promise<void>((resolve) => clock.schedule(500 - 40 * id, resolve));
      if (id === 3) throw new Error('broken client');
      return id % 2 === 0 ? 'ok' : 'reset';
    });
    loop.start();
    await clock.advance(45);
    const samples = await samplesOf(loop, clock);
    expect(samples.map(({ id, outcome }) => [id, outcome])).toEqual([
      [0, 'ok'],
      [1, 'reset'],
      [2, 'ok'],
      [3, 'rejected: Error: broken client'],
      [4, 'ok'],
    ]);
  });
});
