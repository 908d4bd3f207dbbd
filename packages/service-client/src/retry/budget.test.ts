import { ManualClock } from '@movies/time/testing';
import { RetryBudget } from './budget';

const reserve = 100;

function open() {
  const clock = new ManualClock();
  const budget = new RetryBudget({ perRequest: 0.2, perSecond: 10, windowMs: 10_000, clock });
  /** Takes out what there is. */
  const drain = () => {
    let taken = 0;
    while (budget.withdraw()) taken += 1;
    return taken;
  };
  const deposit = (requests: number) => {
    for (let i = 0; i < requests; i++) budget.deposit();
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

test('to ask whether there is a retry takes none', () => {
  const { budget, drain } = open();
  expect(budget.available).toBe(true);
  expect(drain()).toBe(reserve);
  expect(budget.available).toBe(false);
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
  for (let second = 0; second < 60; second++) {
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

test('with every attempt failing, no ten seconds carry more than 20 % + 10 a second', async () => {
  const { clock, budget } = open();
  const retriesBySecond: number[] = [];
  for (let second = 0; second < 60; second++) {
    let retries = 0;
    for (let request = 0; request < 100; request++) {
      budget.deposit();
      if (budget.withdraw()) retries += 1;
      if (budget.withdraw()) retries += 1;
      await clock.advance(10);
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
