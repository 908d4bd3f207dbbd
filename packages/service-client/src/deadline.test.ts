import { ManualClock } from '@movies/time/testing';
import { Deadline } from './deadline';

test('what is left shrinks as time passes', async () => {
  const clock = new ManualClock();
  const deadline = Deadline.after(2000, clock);
  await clock.advance(500);
  expect(deadline.remainingMs()).toBe(1500);
});

test('what is left is negative once it has passed', async () => {
  const clock = new ManualClock();
  const deadline = Deadline.after(100, clock);
  await clock.advance(150);
  expect(deadline.remainingMs()).toBe(-50);
});

test('an earlier deadline leaves a reserve and does not move the first', () => {
  const deadline = Deadline.after(2000, new ManualClock());
  expect(deadline.earlier(100).remainingMs()).toBe(1900);
  expect(deadline.remainingMs()).toBe(2000);
});

test('without a clock it is the time of this machine', () => {
  const left = Deadline.after(60_000).remainingMs();
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(60_000);
});

it.each([NaN, '2000', undefined])('a deadline is not made of %p', (ms) => {
  expect(() => Deadline.after(ms as unknown as number)).toThrow(RangeError);
});
