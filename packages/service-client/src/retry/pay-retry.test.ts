import { ManualClock } from '@movies/time/testing';
import { RetryBudget } from './budget';
import { payRetry } from './pay-retry';
import { RetryThrottle } from './throttle';

function open({ retries = 10, tokens = 10 }) {
  const clock = new ManualClock();
  const windowMs = 1000;
  const budget = new RetryBudget({ perRequest: 0, perSecond: retries, windowMs, clock });
  const throttle = new RetryThrottle({ tokens, perSecond: 0, clock });
  return { budget, throttle };
}

test('a retry is paid while both have one', () => {
  const { budget, throttle } = open({ retries: 3, tokens: 2 });
  const paid = Array.from({ length: 3 }, () => payRetry(budget, throttle));
  expect(paid).toEqual([true, true, false]);
});

test('a budget without a retry costs no token', () => {
  const { budget, throttle } = open({ retries: 0, tokens: 1 });
  for (let i = 0; i < 20; i++) expect(payRetry(budget, throttle)).toBe(false);
  expect(throttle.take()).toBe(true);
});

test('a throttle without a token costs no retry', () => {
  const { budget, throttle } = open({ retries: 1, tokens: 0 });
  expect(payRetry(budget, throttle)).toBe(false);
  expect(budget.withdraw()).toBe(true);
});
