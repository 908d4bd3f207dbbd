import { ManualClock } from '@movies/time/testing';
import fc from 'fast-check';
import { VirtualClock } from '../testing/virtual-clock';
import { RetryBudget, type RetryBudgetOptions } from './budget';

const reserve = 100;
const defaults = { perRequest: 0.2, perSecond: 10, windowMs: 10_000 };

function open(options: Partial<RetryBudgetOptions> = {}) {
  const clock = new ManualClock();
  const budget = new RetryBudget({ ...defaults, clock, ...options });
  /** Takes out what there is. */
  const drain = () => {
    let taken = 0;
    while (budget.withdraw()) taken += 1;
    return taken;
  };
  const deposit = (requests: number) => {
    for (let i = 0; i < requests; i += 1) budget.deposit();
  };
  return { clock, budget, drain, deposit };
}

test('a quiet client has ten retries a second, saved up over ten seconds', () => {
  expect(open().drain()).toBe(reserve);
});

test('five requests pay for one retry', () => {
  const { drain, deposit } = open();
  drain();
  deposit(4);
  expect(drain()).toBe(0);
  deposit(1);
  expect(drain()).toBe(1);
});

test('what is not there is not taken', () => {
  const { budget, drain, deposit } = open({ perSecond: 0 });
  for (let i = 0; i < 100; i += 1) expect(budget.withdraw()).toBe(false);
  deposit(10);
  expect(drain()).toBe(2);
});

test('without a share and without a reserve there is no retry', () => {
  const { drain, deposit } = open({ perRequest: 0, perSecond: 0 });
  deposit(1000);
  expect(drain()).toBe(0);
});

test('a share above 1 allows several retries for each request', () => {
  const { drain, deposit } = open({ perRequest: 2, perSecond: 0 });
  deposit(3);
  expect(drain()).toBe(6);
});

test('the reserve is that of the window', () => {
  expect(open({ windowMs: 2000 }).drain()).toBe(20);
});

test('what was spent comes back once the window has passed, not before', async () => {
  const { clock, drain } = open();
  drain();
  await clock.advance(9999);
  expect(drain()).toBe(0);
  await clock.advance(1001);
  expect(drain()).toBe(reserve);
});

test('what requests paid is there also if no retry was needed for a long time', async () => {
  const { clock, drain, deposit } = open();
  for (let second = 0; second < 60; second += 1) {
    deposit(100);
    await clock.advance(1000);
  }
  expect(drain()).toBeGreaterThanOrEqual(reserve + 200);
});

test('what requests paid cannot be spent after the window', async () => {
  const { clock, drain, deposit } = open();
  deposit(1000);
  await clock.advance(11_000);
  expect(drain()).toBe(reserve);
});

test('with every attempt failing, no ten seconds carry more than 20 % + 10 a second', () => {
  const clock = new VirtualClock();
  const budget = new RetryBudget({ ...defaults, clock });
  const retriesBySecond: number[] = [];
  for (let second = 0; second < 60; second += 1) {
    let retries = 0;
    for (let request = 0; request < 100; request += 1) {
      budget.deposit();
      if (budget.withdraw()) retries += 1;
      if (budget.withdraw()) retries += 1;
      clock.run(10);
    }
    retriesBySecond.push(retries);
  }
  const windows = retriesBySecond
    .slice(9)
    .map((_, i) => retriesBySecond.slice(i, i + 10).reduce((sum, retries) => sum + retries, 0));
  // 1,000 requests in ten seconds pay for 200; the slice that is leaving may add its 20.
  expect(Math.max(...windows)).toBeLessThanOrEqual(200 + 20 + reserve);
  expect(Math.min(...windows)).toBeGreaterThanOrEqual(200);
});

test('no window has more retries than its requests and its seconds pay for', () => {
  const step = fc.record({
    afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3000 }), fc.constant(20_000)),
    requests: fc.integer({ min: 0, max: 30 }),
    wanted: fc.integer({ min: 0, max: 60 }),
  });
  const options = fc.record({
    perRequest: fc.double({ min: 0, max: 2, noNaN: true }),
    perSecond: fc.integer({ min: 0, max: 20 }),
    windowMs: fc.constantFrom(500, 1000, 10_000),
  });
  fc.assert(
    fc.property(options, fc.array(step, { maxLength: 60 }), (given, steps) => {
      const clock = new VirtualClock();
      const budget = new RetryBudget({ ...given, clock });
      const requests: number[] = [];
      const retries: number[] = [];
      const since = (times: readonly number[], from: number) =>
        times.filter((at) => at >= from).length;
      const { perRequest, perSecond, windowMs } = given;
      for (const { afterMs, requests: made, wanted } of steps) {
        clock.run(afterMs);
        const now = clock.now();
        for (let i = 0; i < made; i += 1) {
          budget.deposit();
          requests.push(now);
        }
        const before = retries.length;
        for (let i = 0; i < wanted; i += 1) if (budget.withdraw()) retries.push(now);
        if (retries.length === before) continue;
        // A count keeps up to a tenth more than its window.
        const paid = since(requests, now - windowMs * 1.1) * perRequest;
        const reserved = (perSecond * windowMs) / 1000;
        expect(since(retries, now - windowMs)).toBeLessThanOrEqual(paid + reserved);
      }
    }),
  );
});
