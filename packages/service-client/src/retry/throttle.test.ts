import { ManualClock } from '@movies/time/testing';
import { openThrottles, RetryThrottle } from './throttle';

/** How many retries there are. */
function drain(throttle: RetryThrottle): number {
  let taken = 0;
  while (throttle.take()) taken += 1;
  return taken;
}

function open() {
  const clock = new ManualClock();
  return { clock, throttle: new RetryThrottle({ tokens: 10, perSecond: 2, clock }) };
}

test('there are as many retries as tokens', () => {
  expect(drain(open().throttle)).toBe(10);
});

test('a retry that was of use gives its token back', () => {
  const { throttle } = open();
  drain(throttle);
  throttle.giveBack();
  expect(drain(throttle)).toBe(1);
});

test('tokens come back with time, and never more than there were', async () => {
  const { clock, throttle } = open();
  drain(throttle);
  await clock.advance(1500);
  expect(drain(throttle)).toBe(3);
  await clock.advance(60_000);
  throttle.giveBack();
  expect(drain(throttle)).toBe(10);
});

test('second attempts have a quarter of their own, and take none of the others', () => {
  const { retry, hedge } = openThrottles({ tokens: 100, perSecond: 10, clock: new ManualClock() });
  expect([drain(hedge), drain(retry)]).toEqual([25, 100]);
});
