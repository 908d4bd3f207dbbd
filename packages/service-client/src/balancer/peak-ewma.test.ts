import { seededRandom } from '../testing/seeded-random';
import type { AttemptEnd } from './balancer';
import {
  attemptInTurn,
  describeBalancer,
  hostsOf,
  type TestHost,
} from '../testing/balancer.contract';
import { PeakEwma, type HostLatency, type PeakEwmaOptions } from './peak-ewma';

describeBalancer(() => new PeakEwma(), { isConstant: true });

type Latent = TestHost<HostLatency>;

const balancer = new PeakEwma();

function end(host: Latent, kind: AttemptEnd['kind'], durationMs: number): void {
  balancer.ended(host, { kind, durationMs });
}

function unknown(): Latent {
  return { weight: 1, inFlight: 0, state: balancer.state() };
}

/** A host that answered once, in so many milliseconds. */
function known(ms: number): Latent {
  const host = unknown();
  end(host, 'answered', ms);
  return host;
}

/** Hosts with these latencies, each known from one attempt. */
function open(latenciesMs: readonly number[], options: PeakEwmaOptions = {}) {
  const opened = new PeakEwma(options);
  const hosts = hostsOf(
    opened,
    latenciesMs.map(() => 1),
  );
  hosts.forEach((host, i) => {
    opened.ended(host, { kind: 'answered', durationMs: latenciesMs[i] ?? 0 });
  });
  return { opened, hosts };
}

/** How many attempts pass until each next one that goes to the host of this index. */
function gaps(latenciesMs: readonly number[], index: number, attempts: number): number[] {
  const { opened, hosts } = open(latenciesMs);
  const random = seededRandom(1);
  const found: number[] = [];
  let gap = 0;
  for (let i = 0; i < attempts; i += 1) {
    const picked = opened.pick(hosts, random);
    const host = hosts[picked];
    if (host === undefined) continue;
    opened.started(host);
    opened.ended(host, { kind: 'answered', durationMs: latenciesMs[picked] ?? 0 });
    if (picked === index) {
      found.push(gap);
      gap = 0;
    } else gap += 1;
  }
  return found;
}

describe('the estimate', () => {
  it('is the first answer', () => {
    expect(known(50).state.estimateMs).toBe(50);
  });

  it('goes 30 % of the way up with a slower answer', () => {
    const host = known(10);
    end(host, 'answered', 110);
    expect(host.state.estimateMs).toBeCloseTo(40);
  });

  it('falls to twice the latency within four answers, from fifty times as much', () => {
    const host = known(100);
    for (let i = 0; i < 4; i += 1) end(host, 'answered', 2);
    expect(host.state.estimateMs).toBeGreaterThan(2);
    expect(host.state.estimateMs).toBeLessThan(2.1);
  });

  it('counts a failure in no time as a slow answer', () => {
    const host = unknown();
    end(host, 'failed', 1);
    expect(host.state.estimateMs).toBe(1000);
    const { opened, hosts } = open([10], { failureMs: 200 });
    for (const one of hosts) opened.ended(one, { kind: 'failed', durationMs: 1 });
    expect(hosts[0]?.state.estimateMs).toBeCloseTo(10 + 190 * 0.3);
  });

  it('counts a failure that took longer as what it took', () => {
    const host = unknown();
    end(host, 'failed', 1500);
    expect(host.state.estimateMs).toBe(1500);
  });

  it('learns from an attempt that was given up only that it would have taken longer', () => {
    const host = known(100);
    end(host, 'unanswered', 20);
    expect(host.state.estimateMs).toBe(100);
    end(host, 'unanswered', 200);
    expect(host.state.estimateMs).toBeCloseTo(130);
  });

  it('takes an unknown host whose attempt was given up for a slow one, and not for a fast one', () => {
    const host = unknown();
    end(host, 'unanswered', 5);
    expect(host.state.estimateMs).toBe(1000);
    const queued = unknown();
    end(queued, 'unanswered', 0);
    expect(queued.state.estimateMs).toBeUndefined();
  });

  it('gets over an answer that took for ever', () => {
    const host = known(Infinity);
    expect(host.state.estimateMs).toBe(3_600_000);
    for (let i = 0; i < 30; i += 1) end(host, 'answered', 5);
    expect(host.state.estimateMs).toBeCloseTo(5);
  });

  it('takes no answer for faster than a tenth of a millisecond', () => {
    expect(known(0).state.estimateMs).toBe(0.1);
  });
});

describe('the score', () => {
  it('of an unknown idle host is nothing: it gets an attempt at once', () => {
    expect(balancer.score(unknown())).toBe(0);
  });

  it('of an unknown host with an attempt under way is more than that of a slow one', () => {
    const host = unknown();
    host.inFlight = 1;
    expect(balancer.score(host)).toBeGreaterThan(balancer.score(known(900)));
  });

  it('grows by one latency with each attempt under way', () => {
    const host = known(50);
    const scores = [0, 1, 2].map((inFlight) => balancer.score({ ...host, inFlight }));
    expect(scores).toEqual([50, 100, 150]);
  });

  it('is the same for all that answer within 2 ms', () => {
    expect(balancer.score(known(0.3))).toBe(balancer.score(known(1.9)));
    expect(balancer.score(known(1.9))).toBe(2);
    expect(new PeakEwma({ floorMs: 5 }).score(known(1.9))).toBe(5);
  });

  it('is nothing once the host lost eight comparisons, unless it is busy', () => {
    const host = known(50);
    host.state.losses = 7;
    expect(balancer.score(host)).toBe(50);
    host.state.losses = 8;
    expect(balancer.score(host)).toBe(0);
    host.inFlight = 1;
    expect(balancer.score(host)).toBe(100);
  });
});

describe('exploring', () => {
  function afterAnswer(first: number, second: number, kind: AttemptEnd['kind'] = 'answered') {
    const host = known(first);
    host.state.lossesToExplore = 20;
    end(host, kind, second);
    return host.state.lossesToExplore;
  }

  it('comes less and less often while the answers fit the estimate, up to 48 lost comparisons', () => {
    const host = known(50);
    const after = Array.from({ length: 5 }, () => {
      end(host, 'answered', 50);
      return host.state.lossesToExplore;
    });
    expect([8, ...after]).toEqual([8, 16, 32, 48, 48, 48]);
  });

  it.each([
    { first: 10, second: 19, expected: 40 },
    { first: 10, second: 21, expected: 8 },
    { first: 40, second: 11, expected: 40 },
    { first: 40, second: 9, expected: 1 },
  ])('after $first and $second ms comes after $expected losses', ({ first, second, expected }) => {
    expect(afterAnswer(first, second)).toBe(expected);
  });

  it('comes no sooner for an attempt that was given up before the estimate', () => {
    expect(afterAnswer(40, 1, 'unanswered')).toBe(20);
  });

  it('is never later than `maxLosses`', () => {
    const { opened, hosts } = open([50], { maxLosses: 12 });
    for (const host of hosts) {
      opened.ended(host, { kind: 'answered', durationMs: 50 });
      expect(host.state.lossesToExplore).toBe(12);
      opened.ended(host, { kind: 'answered', durationMs: 500 });
      expect(host.state.lossesToExplore).toBe(8);
    }
  });

  it('of two hosts comes later, since they meet in every pick, but not the first time', () => {
    const found = gaps([10, 1000], 1, 2000);
    expect(found[0]).toBe(8);
    expect(found.at(-1)).toBe(108);
  });

  it('of five and more hosts comes after so many losses', () => {
    const { opened, hosts } = open([10, 10, 10, 10, 1000]);
    const slow = hosts[4];
    if (slow === undefined) throw new Error('there is no host');
    slow.state.losses = 7;
    const random = () => 0.999;
    // It is drawn as the first of the two.
    expect(opened.pick(hosts, random)).not.toBe(4);
    expect(opened.pick(hosts, random)).toBe(4);
  });

  it('gives a slow host under 1 % of the attempts, however few there are', () => {
    for (const hosts of [2, 3, 4, 5, 10]) {
      const latenciesMs = [100, ...Array.from({ length: hosts - 1 }, () => 10)];
      const { opened, hosts: opens } = open(latenciesMs);
      attemptInTurn(opened, opens, 1000, (index) => latenciesMs[index] ?? 0);
      const [slow = 1] = attemptInTurn(opened, opens, 20_000, (index) => latenciesMs[index] ?? 0);
      expect(slow / 20_000).toBeLessThan(0.01);
    }
  });

  it('does not come while an attempt is under way that may yet prove the host slow', () => {
    const { opened, hosts } = open([10, 1000]);
    const [, slow] = hosts;
    if (slow !== undefined) slow.inFlight = 1;
    expect(attemptInTurn(opened, hosts, 1000)).toEqual([1000, 0]);
  });
});

describe('the pick', () => {
  it('of two hosts is the faster one', () => {
    const { opened, hosts } = open([50, 5000]);
    expect(attemptInTurn(opened, hosts, 8, (index) => [50, 5000][index] ?? 0)).toEqual([8, 0]);
  });

  it('of two that are as fast is the one with less to do', () => {
    const { opened, hosts } = open([10, 10]);
    const [busy] = hosts;
    if (busy !== undefined) busy.inFlight = 1;
    expect(opened.pick(hosts, seededRandom(1))).toBe(1);
  });

  it('of a fast one with much to do and a slow idle one is the cheaper one', () => {
    const { opened, hosts } = open([10, 100]);
    const [fast] = hosts;
    if (fast === undefined) throw new Error('there is no host');
    fast.inFlight = 8;
    expect(opened.pick(hosts, seededRandom(1))).toBe(0);
    fast.inFlight = 10;
    expect(opened.pick(hosts, seededRandom(1))).toBe(1);
  });

  it('of two that are as fast and idle goes by turns', () => {
    const { opened, hosts } = open([1, 1]);
    expect(attemptInTurn(opened, hosts, 20)).toEqual([10, 10]);
  });

  it('takes latencies for the same that differ by less than a quarter', () => {
    const { opened, hosts } = open([10, 12]);
    expect(attemptInTurn(opened, hosts, 20, (index) => [10, 12][index] ?? 0)).toEqual([10, 10]);
    const other = open([10, 13]);
    expect(attemptInTurn(other.opened, other.hosts, 8, (index) => [10, 13][index] ?? 0)).toEqual([
      8, 0,
    ]);
  });

  it('takes them for the same also where attempts are under way', () => {
    for (const latenciesMs of [
      [10, 12],
      [12, 10],
    ]) {
      const { opened, hosts } = open(latenciesMs);
      for (const host of hosts) host.inFlight = 3;
      expect(attemptInTurn(opened, hosts, 20, (index) => latenciesMs[index] ?? 0)).toEqual([
        10, 10,
      ]);
    }
  });

  it('follows weights also where latencies are not quite the same', () => {
    const weighted = new PeakEwma();
    const hosts = hostsOf(weighted, [1, 3]);
    const random = seededRandom(1);
    const counts = attemptInTurn(weighted, hosts, 4000, () => 10 + random());
    expect((counts[0] ?? 0) / 4000).toBeGreaterThan(0.23);
    expect((counts[0] ?? 0) / 4000).toBeLessThan(0.27);
  });

  it('gives an unknown host one attempt, and the next when that has ended', () => {
    const { opened, hosts } = open([10]);
    const fresh = { weight: 1, inFlight: 0, state: opened.state() };
    const both = [...hosts, fresh];
    const random = seededRandom(1);
    expect(opened.pick(both, random)).toBe(1);
    opened.started(fresh);
    fresh.inFlight = 1;
    expect(opened.pick(both, random)).toBe(0);
    fresh.inFlight = 0;
    opened.ended(fresh, { kind: 'answered', durationMs: 1 });
    expect(opened.pick(both, random)).toBe(1);
  });

  it('counts the comparisons that a host lost since its last attempt', () => {
    const { opened, hosts } = open([1, 1000]);
    const random = seededRandom(1);
    for (let i = 0; i < 5; i += 1) opened.pick(hosts, random);
    expect(hosts.map(({ state }) => state.losses)).toEqual([0, 5]);
    const [, slow] = hosts;
    if (slow !== undefined) opened.started(slow);
    expect(hosts.map(({ state }) => state.losses)).toEqual([0, 0]);
  });
});
