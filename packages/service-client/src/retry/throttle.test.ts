import { ManualClock } from '@movies/time/testing';
import { RetryThrottle } from './throttle';

function open() {
  const clock = new ManualClock();
  const throttle = new RetryThrottle({ tokens: 10, perSecond: 2, clock });
  /** How many retries of this cost there are. */
  const drain = (cost: number) => {
    let taken = 0;
    while (throttle.take(cost)) taken += 1;
    return taken;
  };
  return { clock, throttle, drain };
}

test('there are as many retries as tokens, and a costly one takes several', () => {
  expect([open().drain(1), open().drain(4)]).toEqual([10, 2]);
});

test('a retry that was of use gives its tokens back', () => {
  const { throttle, drain } = open();
  drain(1);
  throttle.giveBack(4);
  expect(drain(1)).toBe(4);
});

test('tokens come back with time, and never more than there were', async () => {
  const { clock, throttle, drain } = open();
  drain(1);
  await clock.advance(1500);
  expect(drain(1)).toBe(3);
  await clock.advance(60_000);
  throttle.giveBack(5);
  expect(drain(1)).toBe(10);
});

test('what is asked for in vain takes nothing', async () => {
  const { clock, throttle, drain } = open();
  drain(1);
  await clock.advance(1000);
  expect(throttle.take(4)).toBe(false);
  expect(drain(1)).toBe(2);
});
