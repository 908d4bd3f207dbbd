import type { AttemptOutcome } from '../attempt';
import {
  ejectionDefaults,
  OutlierDetection,
  type EjectionOptions,
  type HealthChange,
} from './outlier-detection';
import type { HostHealth } from './host-health';

const fairMs = 1000;

/** Some hosts at a time that the test moves; `random` is 0.5, which is no jitter. */
class Hosts {
  readonly detection: OutlierDetection;
  readonly hosts: { readonly health: HostHealth }[];
  now = 1_000_000;

  constructor(count: number, options: Partial<EjectionOptions> = {}, random = () => 0.5) {
    this.detection = new OutlierDetection({ ...ejectionDefaults, ...options }, fairMs, random);
    this.hosts = Array.from({ length: count }, () => ({ health: this.detection.health() }));
  }

  health(host: number): HostHealth {
    const { health } = this.hosts[host] ?? {};
    if (health === undefined) throw new RangeError(`there is no host ${host}`);
    return health;
  }

  /** Attempts at this host that end like this; what the last one changed. */
  record(host: number, outcome: AttemptOutcome, times = 1, durationMs = 10): HealthChange {
    let change: HealthChange;
    for (let i = 0; i < times; i += 1) {
      const end = { outcome, durationMs };
      change = this.detection.record(this.health(host), end, this.now, this.hosts);
    }
    return change;
  }

  /** Lets all but the first serve well. */
  serve(times = 10): void {
    for (let host = 1; host < this.hosts.length; host += 1) this.record(host, 'ok', times);
  }

  /** How long the host is still out. */
  leftMs(host = 0): number {
    const state = this.health(host).state(this.now);
    return state.kind === 'out' ? state.until - this.now : 0;
  }

  get out(): number[] {
    return [...this.hosts.keys()].filter((host) => this.leftMs(host) > 0);
  }

  /** Ejects the first host by one failure at the moment when it is back, and says for how long. */
  again(outcome: AttemptOutcome): number {
    this.now += this.leftMs();
    this.serve();
    this.record(0, outcome);
    return this.leftMs();
  }
}

function two(options: Partial<EjectionOptions> = {}, random?: () => number): Hosts {
  const hosts = new Hosts(2, options, random);
  hosts.serve();
  return hosts;
}

describe('a refused connection', () => {
  it('ejects at once, for one second', () => {
    const hosts = two();
    expect(hosts.record(0, 'refused')).toBe('ejected');
    expect(hosts.leftMs()).toBe(1000);
  });

  it('ejects for twice as long each time, up to 30 seconds', () => {
    const hosts = two();
    const times = Array.from({ length: 7 }, () => hosts.again('refused'));
    expect(times).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it('ejects for as long as the options say', () => {
    const hosts = two({ refusedMs: 10, maxRefusedMs: 25 });
    expect(Array.from({ length: 3 }, () => hosts.again('refused'))).toEqual([10, 20, 25]);
  });
});

describe('failures in a row', () => {
  it.each(['failed', 'unavailable', 'reset', 'bad_response'] as const)(
    'eject after five that ended as %s, not after four',
    (outcome) => {
      const hosts = two();
      expect(hosts.record(0, outcome, 4)).toBeUndefined();
      expect(hosts.leftMs()).toBe(0);
      expect(hosts.record(0, outcome)).toBe('ejected');
      expect(hosts.leftMs()).toBe(30_000);
    },
  );

  it('begin anew after a success', () => {
    const hosts = two();
    hosts.record(0, 'reset', 4);
    hosts.record(0, 'ok');
    expect(hosts.record(0, 'reset', 4)).toBeUndefined();
  });

  it('eject after as many as the options say', () => {
    expect(two({ failuresInRow: 2 }).record(0, 'reset', 2)).toBe('ejected');
  });

  it('eject also where nothing is known of the peers', () => {
    expect(new Hosts(2).record(0, 'reset', 5)).toBe('ejected');
    // Four calls say nothing, even if all of them failed.
    const hosts = new Hosts(3);
    hosts.record(1, 'reset', 4);
    expect(hosts.record(0, 'reset', 5)).toBe('ejected');
  });

  it('need to be as many as the peers hardly ever have', () => {
    const hosts = new Hosts(2);
    // The peer fails three of seven: eight failures in a row happen in one of 900 cases, nine in one of 2,000.
    for (let i = 0; i < 21; i += 1) hosts.record(1, i % 7 < 4 ? 'ok' : 'reset');
    expect(hosts.record(0, 'reset', 8)).toBeUndefined();
    expect(hosts.record(0, 'reset')).toBe('ejected');
  });
});

describe('the share of failures', () => {
  /** Successes and failures by turns, so that no row grows; what the last failure changed. */
  function alternate(hosts: Hosts, host: number, pairs: number): HealthChange {
    let change: HealthChange;
    for (let i = 0; i < pairs; i += 1) {
      hosts.record(host, 'ok');
      change = hosts.record(host, 'unavailable');
    }
    return change;
  }

  it('ejects from half of twenty calls on', () => {
    const hosts = two();
    expect(alternate(hosts, 0, 9)).toBeUndefined();
    expect(alternate(hosts, 0, 1)).toBe('ejected');
    expect(hosts.leftMs()).toBe(30_000);
  });

  it('does not eject below half', () => {
    const hosts = two();
    hosts.record(0, 'ok', 2);
    expect(alternate(hosts, 0, 9)).toBeUndefined();
    expect(hosts.record(0, 'unavailable')).toBeUndefined();
  });

  it('does not count calls of more than ten seconds ago, nor those of the peers', () => {
    const hosts = two();
    alternate(hosts, 0, 9);
    hosts.now += 11_001;
    hosts.serve();
    expect(alternate(hosts, 0, 9)).toBeUndefined();
  });

  it('ejects as the options say', () => {
    const hosts = two({ minimumCalls: 4, failureRate: 0.25 });
    hosts.record(0, 'ok', 3);
    expect(hosts.record(0, 'unavailable')).toBe('ejected');
  });

  it('does not eject a host whose peers fail half as often', () => {
    const hosts = new Hosts(2);
    for (let i = 0; i < 10; i += 1) hosts.record(1, i % 4 === 0 ? 'reset' : 'ok', 1);
    // 30 % of the peer's calls failed, 50 % of its own.
    expect(alternate(hosts, 0, 30)).toBeUndefined();
    // With ten successes more of the peer it is 15 %.
    hosts.record(1, 'ok', 10);
    expect(alternate(hosts, 0, 1)).toBe('ejected');
  });
});

describe('what says nothing of the host', () => {
  it.each(['overloaded', 'too_large', 'local'] as const)('%s ejects nothing', (outcome) => {
    const hosts = two();
    expect(hosts.record(0, outcome, 100, 60_000)).toBeUndefined();
    expect(hosts.health(0).calls.sum(hosts.now)).toBe(0);
  });

  it('an overloaded response does not end the probation', () => {
    const hosts = two();
    hosts.record(0, 'refused');
    hosts.now += 1000;
    expect(hosts.record(0, 'overloaded')).toBeUndefined();
    expect(hosts.health(0).state(hosts.now).kind).toBe('probing');
  });
});

describe('no response', () => {
  it.each([
    { outcome: 'timeout', waitedMs: 99, ejects: false },
    { outcome: 'timeout', waitedMs: 115, ejects: true },
    { outcome: 'aborted', waitedMs: 90, ejects: false },
    { outcome: 'aborted', waitedMs: 115, ejects: true },
    { outcome: 'outrun', waitedMs: 25, ejects: false },
    { outcome: 'outrun', waitedMs: 35, ejects: true },
  ] as const)(
    '$outcome after $waitedMs ms, where a response takes 10 ms: counts: $ejects',
    ({ outcome, waitedMs, ejects }) => {
      const hosts = two();
      const waited = outcome === 'timeout' && !ejects ? 80 : waitedMs;
      expect(hosts.record(0, outcome, 5, waited)).toBe(ejects ? 'ejected' : undefined);
    },
  );

  it('counts for a timeout after the fair time, however slow the peers are', () => {
    const hosts = new Hosts(2);
    hosts.record(1, 'ok', 10, 500);
    expect(hosts.record(0, 'timeout', 5, 999)).toBeUndefined();
    expect(hosts.record(0, 'aborted', 5, 1000)).toBeUndefined();
    expect(hosts.record(0, 'timeout', 5, 1000)).toBe('ejected');
  });

  it('takes latencies below 2 ms for the noise of a network', () => {
    const hosts = new Hosts(2);
    hosts.record(1, 'ok', 10, 0.2);
    expect(hosts.record(0, 'aborted', 5, 19)).toBeUndefined();
    expect(hosts.record(0, 'aborted', 5, 20)).toBe('ejected');
  });

  it('says nothing where no peer answers', () => {
    const hosts = new Hosts(2);
    hosts.record(0, 'ok', 10);
    hosts.record(1, 'reset', 3);
    expect(hosts.record(0, 'timeout', 20, 60_000)).toBeUndefined();
    hosts.record(1, 'ok');
    expect(hosts.record(0, 'timeout', 5, 60_000)).toBe('ejected');
  });

  it('says nothing before a response has shown how long one takes', () => {
    const hosts = new Hosts(2);
    hosts.record(1, 'ok', 4);
    expect(hosts.record(0, 'timeout', 20, 60_000)).toBeUndefined();
  });

  it('says nothing if the answers of the peers are from before a restart of this host', () => {
    const hosts = new Hosts(2);
    hosts.record(0, 'ok', 20);
    hosts.detection.readmit(hosts.health(0), hosts.now);
    expect(hosts.record(0, 'timeout', 5, 60_000)).toBeUndefined();
  });
});

describe('the room for ejections', () => {
  it.each([
    { count: 1, most: 0 },
    { count: 2, most: 1 },
    { count: 3, most: 1 },
    { count: 4, most: 2 },
    { count: 5, most: 2 },
    { count: 10, most: 5 },
  ])('of $count is $most', ({ count, most }) => {
    const hosts = new Hosts(count);
    for (let host = 0; host < count; host += 1) hosts.record(host, 'refused');
    expect(hosts.out).toEqual([...hosts.hosts.keys()].slice(0, most));
  });

  it.each([
    { maxShare: 0, most: 0 },
    { maxShare: 0.01, most: 1 },
    { maxShare: 0.3, most: 3 },
    { maxShare: 1, most: 9 },
  ])('of ten with `maxShare` $maxShare is $most', ({ maxShare, most }) => {
    const hosts = new Hosts(10, { maxShare });
    for (let host = 0; host < 10; host += 1) hosts.record(host, 'refused');
    expect(hosts.out).toHaveLength(most);
  });

  it('is there again when a host is back', () => {
    const hosts = new Hosts(2);
    hosts.record(0, 'refused');
    expect(hosts.record(1, 'refused')).toBeUndefined();
    hosts.now += 1000;
    expect(hosts.record(1, 'refused')).toBe('ejected');
    expect(hosts.out).toEqual([1]);
  });
});

describe('an ejection', () => {
  it('is not made longer by what ends while it lasts', () => {
    const hosts = two();
    hosts.record(0, 'refused');
    hosts.serve();
    hosts.now += 100;
    expect(hosts.record(0, 'refused', 10)).toBeUndefined();
    expect(hosts.leftMs()).toBe(900);
  });

  it('is not made longer either where there is room for another one', () => {
    const hosts = new Hosts(10);
    hosts.serve();
    hosts.record(0, 'refused');
    hosts.now += 100;
    expect(hosts.record(0, 'refused')).toBeUndefined();
    expect(hosts.leftMs()).toBe(900);
  });

  it('ends at once with a success', () => {
    const hosts = two();
    hosts.record(0, 'refused');
    expect(hosts.record(0, 'ok')).toBe('returned');
    expect(hosts.leftMs()).toBe(0);
  });

  it('ends in a probation, which a success ends', () => {
    const hosts = two();
    hosts.record(0, 'refused');
    hosts.now += 1000;
    expect(hosts.health(0).state(hosts.now).kind).toBe('probing');
    expect(hosts.record(0, 'ok')).toBe('returned');
    expect(hosts.record(0, 'ok')).toBeUndefined();
    expect(hosts.health(0).state(hosts.now).kind).toBe('in');
  });

  it('comes again for one failure on probation, for longer each time, up to five minutes', () => {
    const hosts = two();
    hosts.record(0, 'reset', 5);
    expect(hosts.leftMs()).toBe(30_000);
    const times = Array.from({ length: 11 }, () => hosts.again('reset'));
    expect(times.slice(0, 2)).toEqual([60_000, 90_000]);
    expect(times.slice(-3)).toEqual([300_000, 300_000, 300_000]);
  });

  it('does not come again on probation while the peers fail half of their calls', () => {
    const hosts = new Hosts(3);
    hosts.record(0, 'reset', 5);
    hosts.now += 30_000;
    hosts.record(2, 'ok', 5);
    for (let i = 0; i < 19; i += 1) hosts.record(1, i % 3 === 0 ? 'ok' : 'reset');
    // 12 of 24.
    expect(hosts.record(0, 'reset')).toBeUndefined();
    expect(hosts.health(0).state(hosts.now).kind).toBe('probing');
    hosts.record(2, 'ok');
    expect(hosts.record(0, 'reset')).toBe('ejected');
  });

  it('is as long as the options say', () => {
    const hosts = two({ failedMs: 100, maxFailedMs: 250 });
    hosts.record(0, 'reset', 5);
    expect([hosts.leftMs(), hosts.again('reset'), hosts.again('reset')]).toEqual([100, 200, 250]);
  });

  it('gets shorter again with every half minute that passes without one', () => {
    const hosts = two();
    for (let i = 0; i < 4; i += 1) hosts.again('refused');
    hosts.now += hosts.leftMs();
    hosts.record(0, 'ok');
    hosts.now += 90_000;
    hosts.record(0, 'refused');
    // The fifth would be 16 s; three half minutes make it the second.
    expect(hosts.leftMs()).toBe(2000);
  });

  it('is spread by a fifth, so that many clients do not come back together', () => {
    const [low, high] = [two({}, () => 0), two({}, () => 0.999_999)];
    for (const hosts of [low, high]) hosts.record(0, 'reset', 5);
    expect(low.leftMs()).toBeCloseTo(24_000);
    expect(high.leftMs()).toBeCloseTo(36_000, -1);
    const refused = two({}, () => 0);
    refused.record(0, 'refused');
    expect(refused.leftMs()).toBeCloseTo(800);
  });

  it('comes after the same number of failures for a host that was restarted in its place', () => {
    const hosts = two();
    hosts.record(0, 'reset', 20);
    hosts.now += 1000;
    hosts.detection.readmit(hosts.health(0), hosts.now);
    expect(hosts.health(0).state(hosts.now).kind).toBe('in');
    hosts.serve(5);
    // Its own failures of before are not those of its peer.
    expect(hosts.record(0, 'reset', 4)).toBeUndefined();
    expect(hosts.record(0, 'reset')).toBe('ejected');
  });
});

describe('a failure of all', () => {
  /** Every host fails so many times, one after the other. */
  function failAll(hosts: Hosts, times: number): HealthChange[] {
    const changes: HealthChange[] = [];
    for (let i = 0; i < times; i += 1) {
      for (let host = 0; host < hosts.hosts.length; host += 1) {
        changes.push(hosts.record(host, 'unavailable'));
      }
      hosts.now += 10;
    }
    return changes;
  }

  it('brings back those that are out', () => {
    const hosts = new Hosts(3);
    const changes = failAll(hosts, 20);
    expect(changes).toContain('readmit');
    expect(changes.slice(-10)).not.toContain('ejected');
  });

  it('is none before ten calls have ended since the last ejection', () => {
    const hosts = new Hosts(2);
    hosts.record(0, 'refused');
    for (let i = 0; i < 9; i += 1) expect(hosts.record(1, 'reset')).toBeUndefined();
    expect(hosts.record(1, 'reset')).toBe('readmit');
  });

  it('is none while less than half of the calls fail', () => {
    const hosts = new Hosts(2);
    hosts.record(0, 'refused');
    hosts.record(1, 'ok', 11);
    expect(hosts.record(1, 'reset', 10)).toBeUndefined();
    expect(hosts.record(1, 'reset')).toBe('readmit');
  });

  it('is none while more than a quarter of the hosts serve well', () => {
    const hosts = new Hosts(5, { maxShare: 0.2 });
    hosts.record(0, 'refused');
    hosts.record(1, 'ok', 2);
    hosts.record(2, 'ok', 2);
    for (const host of [3, 4]) expect(hosts.record(host, 'reset', 30)).toBeUndefined();
    hosts.now += 200;
    // Now it is one of four.
    hosts.record(2, 'reset', 5);
    hosts.now += 100;
    expect(hosts.record(3, 'reset')).toBe('readmit');
  });

  it('does not count failures of hosts that are out', () => {
    const hosts = new Hosts(5, { maxShare: 0.2 });
    hosts.record(0, 'refused');
    hosts.record(1, 'ok', 100);
    for (const host of [2, 3, 4]) hosts.record(host, 'reset');
    expect(hosts.record(0, 'reset', 200)).toBeUndefined();
    expect(hosts.out).toEqual([0]);
  });

  it('does not count calls of hosts that are out', () => {
    const hosts = new Hosts(2);
    hosts.record(0, 'refused');
    hosts.record(0, 'reset', 50);
    expect(hosts.record(1, 'reset', 9)).toBeUndefined();
    expect(hosts.record(1, 'reset')).toBe('readmit');
  });

  it('takes hosts that are out, or idle, neither for well nor for known', () => {
    // Two of those that are in serve well, and four do not.
    const hosts = new Hosts(20, { maxShare: 0.5 });
    for (const host of [0, 1]) {
      hosts.record(host, 'ok', 20);
      hosts.record(host, 'refused');
    }
    for (const host of [2, 3]) hosts.record(host, 'ok', 2);
    for (const host of [4, 5, 6, 7]) hosts.record(host, 'reset', 4);
    expect(hosts.out).toEqual([0, 1]);
    // Now it is one of six.
    hosts.record(3, 'reset', 2);
    hosts.now += 100;
    expect(hosts.record(4, 'overloaded')).toBeUndefined();
    expect(hosts.record(7, 'reset')).toBe('readmit');
  });

  it('is looked for every 100 ms at most', () => {
    const hosts = new Hosts(4, { maxShare: 0.25 });
    hosts.record(0, 'refused');
    hosts.record(1, 'ok', 5);
    for (const host of [2, 3]) hosts.record(host, 'reset', 10);
    // One of three serves well: more than a quarter.
    hosts.record(1, 'reset', 10);
    expect(hosts.record(1, 'reset')).toBeUndefined();
    hosts.now += 99;
    expect(hosts.record(1, 'reset')).toBeUndefined();
    hosts.now += 1;
    expect(hosts.record(1, 'reset')).toBe('readmit');
  });
});

it('tells the latencies of good responses alone', () => {
  const hosts = two();
  expect(hosts.detection.latencies.quantile(0.99)).toBeCloseTo(10, -0.5);
  hosts.record(0, 'failed', 50, 5000);
  hosts.record(0, 'timeout', 50, 5000);
  expect(hosts.detection.latencies.quantile(0.99)).toBeLessThan(12);
});
