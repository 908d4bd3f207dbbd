import { ManualClock } from '@movies/time/testing';
import { keepTrying } from './keep-trying';

function start(attempt: (signal: AbortSignal) => Promise<string>, clock = new ManualClock()) {
  const controller = new AbortController();
  const failures: unknown[] = [];
  const result = keepTrying(attempt, {
    onFailure: (error) => failures.push(error),
    signal: controller.signal,
    clock,
    random: () => 1,
  });
  // Whoever expects a rejection looks for it later.
  result.catch(() => undefined);
  return { clock, controller, failures, result };
}

it('gives what the first try gives', async () => {
  const { failures, result } = start(() => Promise.resolve('done'));
  await expect(result).resolves.toBe('done');
  expect(failures).toEqual([]);
});

it('tries again after longer and longer waits, and tells of each failure', async () => {
  const clock = new ManualClock();
  const tries: number[] = [];
  const { failures, result } = start(() => {
    tries.push(clock.now());
    return tries.length < 7
      ? Promise.reject(new Error(`try ${tries.length}`))
      : Promise.resolve('');
  }, clock);
  await clock.advance(17_500);
  await result;
  const waits = tries.slice(1).map((at, index) => at - (tries[index] ?? 0));
  expect(waits).toEqual([500, 1000, 2000, 4000, 5000, 5000]);
  expect(failures.map((error) => (error as Error).message)).toEqual(
    [1, 2, 3, 4, 5, 6].map((n) => `try ${n}`),
  );
});

it('ends between two tries when it is aborted', async () => {
  let tries = 0;
  const { clock, controller, result } = start(() => {
    tries += 1;
    return Promise.reject(new Error('no'));
  });
  await clock.advance(100);
  controller.abort(new Error('stopping'));
  await expect(result).rejects.toThrow('stopping');
  await clock.advance(60_000);
  expect(tries).toBe(1);
});

it('tells of no failure of a try that was aborted', async () => {
  const { controller, failures, result } = start(
    (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          reject(new Error('cut off'));
        });
      }),
  );
  controller.abort(new Error('stopping'));
  await expect(result).rejects.toThrow('stopping');
  expect(failures).toEqual([]);
});
