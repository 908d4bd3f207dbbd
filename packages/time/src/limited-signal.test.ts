import { LimitedSignal } from './limited-signal';
import { ManualClock } from './testing/manual-clock';

function limit(ms: number) {
  const parent = new AbortController();
  const clock = new ManualClock();
  return { parent, clock, limited: new LimitedSignal(parent.signal, ms, clock) };
}

const state = ({ signal, timedOut }: LimitedSignal) => [signal.aborted, timedOut];

it('aborts when its time is up', async () => {
  const { clock, limited } = limit(100);
  await clock.advance(99);
  expect(state(limited)).toEqual([false, false]);
  await clock.advance(1);
  expect(state(limited)).toEqual([true, true]);
});

it('aborts with its parent, which is not its time', () => {
  const { parent, clock, limited } = limit(100);
  parent.abort();
  expect(state(limited)).toEqual([true, false]);
  expect(clock.pending).toBe(0);
});

it('has so much time from when it is restarted', async () => {
  const { clock, limited } = limit(100);
  await clock.advance(90);
  limited.restart(50);
  await clock.advance(49);
  expect(state(limited)).toEqual([false, false]);
  await clock.advance(1);
  expect(state(limited)).toEqual([true, true]);
});

it('leaves no timer and no listener once it is disposed of, and never aborts then', async () => {
  const { parent, clock, limited } = limit(100);
  const removed = jest.spyOn(parent.signal, 'removeEventListener');
  limited[Symbol.dispose]();
  limited[Symbol.dispose]();
  expect(clock.pending).toBe(0);
  expect(removed).toHaveBeenCalled();
  parent.abort();
  await clock.advance(1000);
  expect(state(limited)).toEqual([false, false]);
});

it('cannot be made of a parent that is aborted', () => {
  const parent = new AbortController();
  const clock = new ManualClock();
  parent.abort();
  expect(() => new LimitedSignal(parent.signal, 100, clock)).toThrow(/abort/);
  expect(clock.pending).toBe(0);
});

describe('race', () => {
  it('settles as the promise does', async () => {
    const { limited } = limit(100);
    await expect(limited.race(Promise.resolve(7))).resolves.toBe(7);
    await expect(limited.race(Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  it('rejects at once when the signal aborts, and takes what the promise becomes later', async () => {
    const { parent, limited } = limit(100);
    let fail: (error: Error) => void = () => undefined;
    const raced = limited.race(new Promise((_, reject) => (fail = reject)));
    parent.abort();
    await expect(raced).rejects.toMatchObject({ name: 'AbortError' });
    await expect(limited.race(Promise.resolve(7))).rejects.toMatchObject({ name: 'AbortError' });
    // It would end the test as an unhandled rejection.
    fail(new Error('later'));
    await new Promise(setImmediate);
  });
});
