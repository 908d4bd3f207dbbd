import { ManualClock } from '@movies/time/testing';
import { RetryDelay } from './retry-delay';
import { SourceFailure, type FailureKind } from './source-failure';

const failureOf = (kind: FailureKind, retryAfterMs?: number) =>
  new SourceFailure(kind, 'it failed', { retryAfterMs });

function open(random = 1) {
  const clock = new ManualClock();
  return { clock, retry: new RetryDelay({ clock, random: () => random }) };
}

it.each([
  ['refused', [800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]],
  ['expired', [800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]],
  ['malformed', [800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]],
  ['lost', [800, 1600, 3200, 5000, 5000, 5000]],
  ['silent', [800, 1600, 3200, 5000, 5000, 5000]],
  ['unreachable', [800, 1600, 3200, 5000, 5000, 5000]],
] as const)('is drawn from zero to a bound that doubles: %s', (kind, bounds) => {
  for (const random of [0, 0.25, 0.999]) {
    const { retry } = open(random);
    expect(bounds.map(() => retry.next(failureOf(kind), 0))).toEqual(
      bounds.map((bound) => bound * random),
    );
  }
});

it('is short each time that a connection which served breaks, as balancers cut one every minute', () => {
  const { clock, retry } = open();
  for (let i = 0; i < 20; i += 1) {
    clock.stall(60_000);
    expect(retry.next(failureOf('lost'), 60_000)).toBe(800);
  }
});

it('counts failures with a response and without one apart', () => {
  const { retry } = open();
  for (let i = 0; i < 20; i += 1) retry.next(failureOf('unreachable'), 0);
  expect(retry.next(failureOf('refused'), 0)).toBe(800);
  for (let i = 0; i < 20; i += 1) retry.next(failureOf('refused'), 0);
  expect(retry.next(failureOf('unreachable'), 0)).toBe(5000);
});

describe('after two minutes', () => {
  function refusedThrice() {
    const opened = open();
    for (let i = 0; i < 3; i += 1) opened.retry.next(failureOf('refused'), 0);
    return opened;
  }

  it('of health it begins small again, and not sooner', () => {
    const { clock, retry } = refusedThrice();
    retry.succeeded(clock.now());
    clock.stall(119_999);
    expect(retry.next(failureOf('refused'), 0)).toBe(6400);
    retry.succeeded(clock.now());
    clock.stall(60_000);
    retry.succeeded(clock.now());
    clock.stall(60_000);
    expect(retry.next(failureOf('refused'), 0)).toBe(800);
  });

  it('of one turn it begins small again, though the turn ends with a failure', () => {
    const { retry } = refusedThrice();
    expect(retry.next(failureOf('refused'), 119_999)).toBe(6400);
    expect(retry.next(failureOf('refused'), 120_000)).toBe(800);
  });

  it('without a success it does not begin small', () => {
    const { clock, retry } = refusedThrice();
    clock.stall(600_000);
    expect(retry.next(failureOf('refused'), 0)).toBe(6400);
  });
});

it.each([
  [0, 2000, 2000],
  [0.5, 2000, 2500],
  [1, 2000, 3000],
  [0, 60_000, 60_000],
  [0, 86_400_000, 60_000],
  [1, 86_400_000, 90_000],
])(
  'is never shorter than the registry asks for, up to a minute, and up to half as long again: %d, %d ms',
  (random, retryAfterMs, ms) => {
    const { retry } = open(random);
    for (let i = 0; i < 5; i += 1) {
      expect(retry.next(failureOf('refused', retryAfterMs), 0)).toBe(ms);
    }
  },
);

it('spreads a thousand clients that the registry tells the same, evenly and none too early', () => {
  const waits = Array.from({ length: 1000 }, (_, i) =>
    open(i / 1000).retry.next(failureOf('refused', 5000), 0),
  );
  expect(Math.min(...waits)).toBe(5000);
  const inOneTenth = waits.filter((ms) => ms >= 6000 && ms < 6250).length;
  expect(inOneTenth).toBe(100);
});

it('is its own where the registry asks for none, so that there is no loop without a wait', () => {
  const { retry } = open(0.5);
  const waits = [0, 1, 2].map(() => retry.next(failureOf('refused', 0), 0));
  expect(waits).toEqual([400, 800, 1600]);
});

it('forgets failures with the first success where the source asks for that', () => {
  const clock = new ManualClock();
  const retry = new RetryDelay({ clock, random: () => 1, restMs: 0 });
  for (let i = 0; i < 3; i += 1) retry.next(failureOf('refused'), 0);
  expect(retry.next(failureOf('refused'), 0)).toBe(6400);
  retry.succeeded(clock.now());
  expect(retry.next(failureOf('refused'), 0)).toBe(800);
});
