import type { Random } from '@movies/time';
import fc from 'fast-check';
import { seededRandom } from './seeded-random';
import type { AttemptEnd, Balancer } from '../balancer/balancer';

/** A host in a test: `inFlight` is the test's to change. */
export interface TestHost<State> {
  readonly weight: number;
  inFlight: number;
  state: State;
}

export const now = 1_000_000;

export function hostsOf<State>(
  balancer: Balancer<State>,
  weights: readonly number[],
): TestHost<State>[] {
  return weights.map((weight) => ({ weight, inFlight: 0, state: balancer.state() }));
}

/** So many attempts one after the other, each of which takes `durationMs(index)`; how often each host was picked. */
export function attemptInTurn<State>(
  balancer: Balancer<State>,
  hosts: readonly TestHost<State>[],
  attempts: number,
  durationMs: (index: number) => number = () => 10,
  random: Random = seededRandom(1),
): number[] {
  const counts = hosts.map(() => 0);
  for (let i = 0; i < attempts; i += 1) {
    const index = balancer.pick(hosts, random, now);
    const host = hosts[index];
    if (host === undefined) throw new RangeError(`there is no host ${index}`);
    counts[index] = (counts[index] ?? 0) + 1;
    balancer.started?.(host);
    balancer.ended?.(host, { kind: 'answered', durationMs: durationMs(index) }, now);
  }
  return counts;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** Each count, divided by what its weight would give it. */
function fairness(counts: readonly number[], weights: readonly number[]): number[] {
  return counts.map((count, i) => count / sum(counts) / ((weights[i] ?? 0) / sum(weights)));
}

function expectFair(counts: readonly number[], weights: readonly number[], tolerance: number) {
  for (const share of fairness(counts, weights)) {
    expect(share).toBeGreaterThan(1 - tolerance);
    expect(share).toBeLessThan(1 + tolerance);
  }
}

const weightings = [
  [1, 1],
  [1, 3],
  [1, 2, 3],
  [2, 2, 1, 3],
  [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
  [0.5, 0.5, 0.5, 1, 1, 1, 1],
];

/** What every balancer does. `isConstant`: a pick costs the same for any number of hosts. */
export function describeBalancer<State>(
  create: () => Balancer<State>,
  { isConstant }: { readonly isConstant: boolean },
): void {
  describe('as every balancer', () => {
    it('picks the one host there is, whatever it costs', () => {
      const balancer = create();
      const [host] = hostsOf(balancer, [1]);
      if (host === undefined) throw new Error('there is no host');
      host.inFlight = 100;
      balancer.ended?.(host, { kind: 'failed', durationMs: 60_000 }, now);
      expect(balancer.pick([host], Math.random, now)).toBe(0);
    });

    it('gives an index that is in range, whatever is drawn', () => {
      const draws = fc.array(
        fc.oneof(
          fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
          fc.constant(0),
          fc.constant(1 - 2 ** -53),
        ),
        { minLength: 1 },
      );
      fc.assert(
        fc.property(
          fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), {
            minLength: 1,
            maxLength: 20,
          }),
          draws,
          (weights, drawn) => {
            const balancer = create();
            const hosts = hostsOf(balancer, weights);
            for (let i = 0; i < 50; i += 1) {
              const index = balancer.pick(hosts, () => drawn[i % drawn.length] ?? 0, now);
              expect(hosts[index]).toBeDefined();
            }
          },
        ),
        { numRuns: 50 },
      );
    });

    it.each(weightings.map((weights) => ({ weights })))(
      'shares attempts one after the other by weight: $weights',
      ({ weights }) => {
        const balancer = create();
        const hosts = hostsOf(balancer, weights);
        attemptInTurn(balancer, hosts, 100);
        expectFair(attemptInTurn(balancer, hosts, 5000), weights, 0.15);
      },
    );

    it.each(weightings.map((weights) => ({ weights })))(
      'shares attempts that last by weight: $weights',
      ({ weights }) => {
        const balancer = create();
        const hosts = hostsOf(balancer, weights);
        attemptInTurn(balancer, hosts, 100);
        const random = seededRandom(2);
        const under: TestHost<State>[] = [];
        const counts = hosts.map(() => 0);
        for (let i = 0; i < 5000; i += 1) {
          const index = balancer.pick(hosts, random, now);
          const host = hosts[index];
          if (host === undefined) throw new RangeError(`there is no host ${index}`);
          counts[index] = (counts[index] ?? 0) + 1;
          host.inFlight += 1;
          balancer.started?.(host);
          under.push(host);
          // Thirty are under way, and any of them is the next to end.
          if (under.length <= 30) continue;
          const [ended] = under.splice(Math.floor(random() * under.length), 1);
          if (ended === undefined) continue;
          ended.inFlight -= 1;
          balancer.ended?.(ended, { kind: 'answered', durationMs: 10 }, now);
        }
        expectFair(counts, weights, 0.15);
      },
    );

    it('lets no host starve, whatever its latency', () => {
      fc.assert(
        fc.property(
          fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 2, maxLength: 8 }),
          fc.integer(),
          (latenciesMs, seed) => {
            const balancer = create();
            const hosts = hostsOf(
              balancer,
              latenciesMs.map(() => 1),
            );
            const each = (index: number) => latenciesMs[index] ?? 1;
            attemptInTurn(balancer, hosts, 100, each, seededRandom(seed));
            const counts = attemptInTurn(
              balancer,
              hosts,
              300 * hosts.length,
              each,
              seededRandom(seed + 1),
            );
            expect(Math.min(...counts)).toBeGreaterThanOrEqual(1);
          },
        ),
        { numRuns: 20 },
      );
    });

    it('finds out that a host is well again', () => {
      const balancer = create();
      const hosts = hostsOf(balancer, [1, 1, 1]);
      attemptInTurn(balancer, hosts, 1000, (index) => (index === 0 ? 1000 : 10));
      attemptInTurn(balancer, hosts, 200);
      expectFair(attemptInTurn(balancer, hosts, 300), [1, 1, 1], 0.15);
    });

    it('keeps what it learns of one host with that host', () => {
      const balancer = create();
      const [one, other] = hostsOf(balancer, [1, 1]);
      if (one === undefined || other === undefined) throw new Error('there are no hosts');
      const before = JSON.stringify(other.state);
      balancer.started?.(one);
      balancer.ended?.(one, { kind: 'failed', durationMs: 500 }, now);
      expect(other.state).not.toBe(one.state);
      expect(JSON.stringify(other.state)).toBe(before);
    });

    it('knows nothing of a host that comes anew', () => {
      const balancer = create();
      const before = JSON.stringify(balancer.state());
      attemptInTurn(balancer, hostsOf(balancer, [1, 1, 1]), 1000, (index) => 10 ** index);
      expect(JSON.stringify(balancer.state())).toBe(before);
    });

    const odd: readonly Partial<AttemptEnd>[] = [
      { durationMs: 0 },
      { durationMs: Infinity },
      { durationMs: Infinity, kind: 'failed' },
      { durationMs: Infinity, kind: 'unanswered' },
      { durationMs: Number.MIN_VALUE },
      { durationMs: Number.MAX_VALUE },
      { kind: 'unanswered', durationMs: 0 },
    ];

    it.each(odd)('gets over an attempt such as %j', (end) => {
      const balancer = create();
      const hosts = hostsOf(balancer, [1, 1]);
      const [host] = hosts;
      if (host === undefined) throw new Error('there is no host');
      for (let i = 0; i < 3; i += 1) {
        balancer.ended?.(host, { kind: 'answered', durationMs: 10, ...end }, now);
        balancer.ended?.(host, { kind: 'answered', durationMs: 10 }, now);
        expect(balancer.score?.(host, now) ?? 0).toBeGreaterThanOrEqual(0);
      }
      attemptInTurn(balancer, hosts, 2000);
      expectFair(attemptInTurn(balancer, hosts, 1000), [1, 1], 0.15);
    });

    it('takes a score from every host that is not idle', () => {
      const balancer = create();
      const [host] = hostsOf(balancer, [1]);
      if (host === undefined) throw new Error('there is no host');
      host.inFlight = 1;
      const score = balancer.score?.(host, now) ?? 1;
      host.inFlight = 2;
      expect(balancer.score?.(host, now) ?? 2).toBeGreaterThan(score);
    });

    if (!isConstant) return;

    it('makes hardly any garbage', () => {
      const balancer = create();
      const hosts = hostsOf(
        balancer,
        Array.from({ length: 1000 }, () => 1),
      );
      const random = seededRandom(1);
      const growths = Array.from({ length: 101 }, () => {
        const before = process.memoryUsage().heapUsed;
        for (let i = 0; i < 100; i += 1) balancer.pick(hosts, random, now);
        return process.memoryUsage().heapUsed - before;
      });
      // A copy of the hosts would take 8 kB a pick; a collection now and then makes some differences negative.
      const [median = 0] = growths.toSorted((a, b) => a - b).slice(50);
      expect(median).toBeLessThan(100 * 500);
    });

    it('looks at two hosts, however many there are', () => {
      const balancer = create();
      const seen = new Set<string | symbol>();
      const hosts = new Proxy(
        hostsOf(
          balancer,
          Array.from({ length: 1000 }, () => 1),
        ),
        {
          get(target, key, receiver): unknown {
            if (key !== 'length') seen.add(key);
            return Reflect.get(target, key, receiver);
          },
        },
      );
      balancer.pick(hosts, seededRandom(1), now);
      expect(seen.size).toBe(2);
    });
  });
}
