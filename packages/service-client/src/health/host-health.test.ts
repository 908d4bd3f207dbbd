import { HostHealth } from './host-health';

const now = 1_000_000;

function open() {
  return new HostHealth(10_000);
}

function sums(health: HostHealth, at: number): number[] {
  const { calls, failures, recentCalls, recentFailures } = health;
  return [calls, failures, recentCalls, recentFailures].map((count) => count.sum(at));
}

it('is in at first', () => {
  expect(open().state(now)).toEqual({ kind: 'in' });
});

it('is out until its time is over, and then probing', () => {
  const health = open();
  health.eject(now, 'reset', () => 500);
  expect(health.state(now)).toEqual({ kind: 'out', until: now + 500, cause: 'reset' });
  expect(health.state(now + 499)).toMatchObject({ kind: 'out' });
  expect(health.state(now + 500)).toEqual({ kind: 'probing' });
});

it('is in again after a success, be it out or probing', () => {
  for (const after of [10, 1000]) {
    const health = open();
    health.eject(now, 'reset', () => 500);
    health.state(now + after);
    health.succeed(now + after);
    expect(health.state(now + after)).toEqual({ kind: 'in' });
  }
});

it('stays what it is after a failure', () => {
  const health = open();
  health.fail(now);
  expect(health.state(now)).toEqual({ kind: 'in' });
  health.eject(now, 'reset', () => 500);
  health.fail(now + 600);
  expect(health.state(now + 600)).toEqual({ kind: 'probing' });
});

it('counts failures in a row: a success, an ejection and a return begin anew', () => {
  const health = open();
  const inRow: number[] = [];
  const note = () => inRow.push(health.inRow);
  const failTwice = () => {
    health.fail(now);
    health.fail(now);
    note();
  };
  failTwice();
  health.succeed(now);
  note();
  failTwice();
  health.eject(now, 'reset', () => 1);
  note();
  failTwice();
  health.readmit();
  note();
  expect(inRow).toEqual([2, 0, 2, 0, 2, 0]);
});

it('counts calls and failures of the window and of the last two seconds', () => {
  const health = open();
  health.fail(now);
  health.succeed(now);
  expect(sums(health, now)).toEqual([2, 1, 2, 1]);
  expect(sums(health, now + 3000)).toEqual([2, 1, 0, 0]);
  expect(sums(health, now + 12_000)).toEqual([0, 0, 0, 0]);
});

it('forgets when it is readmitted', () => {
  const health = open();
  health.fail(now);
  health.succeed(now);
  health.eject(now, 'reset', () => 500);
  health.readmit();
  expect(health.state(now)).toEqual({ kind: 'in' });
  expect(sums(health, now)).toEqual([0, 0, 0, 0]);
});

describe('the number of ejections', () => {
  /** The number that the next ejection is told. */
  function next(health: HostHealth, at: number): number {
    let told = 0;
    health.eject(at, 'reset', (ejections) => {
      told = ejections;
      return 1000;
    });
    return told;
  }

  it('grows', () => {
    const health = open();
    expect([1, 2, 3].map((i) => next(health, now + i * 1000))).toEqual([1, 2, 3]);
  });

  it('falls by one for each whole interval after the end of the last one', () => {
    const health = open();
    for (let i = 0; i < 5; i += 1) next(health, now);
    health.forgive(now + 1000 + 299, 100);
    expect(next(health, now)).toBe(4);
    health.forgive(now + 1000 + 99, 100);
    expect(next(health, now)).toBe(5);
    health.forgive(now + 1000 + 100, 100);
    expect(next(health, now)).toBe(5);
  });

  it('falls no further for the same interval', () => {
    const health = open();
    for (let i = 0; i < 5; i += 1) next(health, now);
    for (const after of [1100, 1150, 1199, 1200, 1250]) health.forgive(now + after, 100);
    expect(next(health, now)).toBe(4);
  });

  it('does not fall while the host is out', () => {
    const health = open();
    for (let i = 0; i < 3; i += 1) next(health, now);
    health.forgive(now + 999, 100);
    expect(next(health, now)).toBe(4);
  });

  it('is never below nothing', () => {
    const health = open();
    health.forgive(now, 100);
    next(health, now);
    health.forgive(now + 1_000_000, 100);
    expect(next(health, now + 1_000_000)).toBe(1);
  });

  it('outlives a return', () => {
    const health = open();
    next(health, now);
    health.readmit();
    expect(next(health, now)).toBe(2);
  });
});

it('counts a success that broke off as a failure, and the row goes on', () => {
  const health = open();
  for (let i = 0; i < 3; i += 1) {
    health.succeed(now);
    health.breakOff(now);
  }
  expect([health.inRow, ...sums(health, now)]).toEqual([3, 3, 3, 3, 3]);
  health.succeed(now);
  health.succeed(now);
  health.breakOff(now);
  expect(health.inRow).toBe(1);
});

it('can be ejected again after an ejection that has no end was ended', () => {
  const health = open();
  health.eject(now, 'reset', () => Infinity);
  health.readmit();
  health.forgive(now + 1000, Infinity);
  health.eject(now + 1000, 'reset', (ejections) => ejections * 100);
  expect(health.state(now + 1000)).toMatchObject({ kind: 'out', until: now + 1200 });
});
