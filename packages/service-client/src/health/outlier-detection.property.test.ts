import fc from 'fast-check';
import type { AttemptOutcome } from '../attempt';
import { seededRandom } from '../testing/seeded-random';
import { ejectionDefaults, OutlierDetection } from './outlier-detection';

const bad = ['failed', 'unavailable', 'reset', 'bad_response', 'refused', 'timeout'] as const;

/** How a host answers: the share of its calls that fail, and how. */
interface Conduct {
  readonly failing: number;
  readonly how: AttemptOutcome;
}

const conduct = fc.record({
  failing: fc.constantFrom(0, 0.05, 0.3, 0.6, 1),
  how: fc.constantFrom(...bad),
});

/** Hosts that are asked one after the other while they may be, as a client does with ejected hosts. */
class Service {
  readonly #detection: OutlierDetection;
  readonly hosts;
  readonly #random;
  now = 1_000_000;
  most = 0;

  constructor(count: number, maxShare: number, seed: number) {
    this.#random = seededRandom(seed);
    const options = { ...ejectionDefaults, maxShare };
    this.#detection = new OutlierDetection(options, 1000, this.#random);
    this.hosts = Array.from({ length: count }, () => ({ health: this.#detection.health() }));
  }

  get out(): number[] {
    return [...this.hosts.keys()].filter(
      (index) => this.hosts[index]?.health.state(this.now).kind === 'out',
    );
  }

  /** So many calls, one every 10 ms. */
  run(calls: number, conducts: readonly Conduct[]): void {
    for (let i = 0; i < calls; i += 1) {
      this.now += 10;
      const out = new Set(this.out);
      const asked = [...this.hosts.keys()].filter((index) => !out.has(index));
      const index = asked[Math.floor(this.#random() * asked.length)] ?? 0;
      const { failing, how } = conducts[index] ?? { failing: 0, how: 'ok' };
      const outcome = this.#random() < failing ? how : 'ok';
      const health = this.hosts[index]?.health;
      if (health === undefined) throw new RangeError(`there is no host ${index}`);
      const end = { outcome, durationMs: outcome === 'timeout' ? 1000 : 5 };
      const change = this.#detection.record(health, end, this.now, this.hosts);
      // As a host set does.
      if (change === 'returned') this.#detection.readmit(health, this.now);
      if (change === 'readmit') {
        for (const host of this.hosts) {
          if (host.health.state(this.now).kind !== 'in')
            this.#detection.readmit(host.health, this.now);
        }
      }
      this.most = Math.max(this.most, this.out.length);
    }
  }
}

const shares = fc.constantFrom(0, 0.1, 0.3, 0.5, 0.8, 1);

it('never has more out than the share, and never the last one', () => {
  fc.assert(
    fc.property(
      fc.array(conduct, { minLength: 1, maxLength: 12 }),
      shares,
      fc.integer(),
      (conducts, maxShare, seed) => {
        const count = conducts.length;
        const service = new Service(count, maxShare, seed);
        service.run(1000, conducts);
        const most = maxShare === 0 ? 0 : Math.max(1, Math.floor(count * maxShare));
        expect(service.most).toBeLessThanOrEqual(Math.min(most, count - 1));
      },
    ),
    { numRuns: 100 },
  );
});

it('never has a host out for long that serves well, whatever the others do', () => {
  fc.assert(
    fc.property(fc.array(conduct, { minLength: 1, maxLength: 8 }), fc.integer(), (others, seed) => {
      const conducts: Conduct[] = [{ failing: 0, how: 'ok' }, ...others];
      const service = new Service(conducts.length, 0.5, seed);
      for (let second = 0; second < 10; second += 1) {
        service.run(100, conducts);
        expect(service.out).not.toContain(0);
      }
    }),
    { numRuns: 50 },
  );
});

it('has nothing out long after all failed alike and are well again', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 10 }),
      fc.constantFrom('failed', 'unavailable', 'reset', 'bad_response', 'refused'),
      fc.integer(),
      (count, how: AttemptOutcome, seed) => {
        const service = new Service(count, 0.5, seed);
        const well = service.hosts.map(() => ({ failing: 0, how }));
        service.run(500, well);
        service.run(
          2000,
          service.hosts.map(() => ({ failing: 1, how })),
        );
        service.run(300, well);
        expect(service.out).toEqual([]);
      },
    ),
    { numRuns: 50 },
  );
});

it('has out whatever fails most of its calls beside others that serve', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.constantFrom(...bad),
      fc.integer(),
      (others, how, seed) => {
        const conducts: Conduct[] = [
          { failing: 1, how },
          ...Array.from({ length: others }, () => ({ failing: 0.01, how })),
        ];
        const service = new Service(conducts.length, 0.5, seed);
        service.run(1000, conducts);
        // Refused connections eject for moments at first, and then for longer.
        const { kind } = service.hosts[0]?.health.state(service.now) ?? {};
        expect(kind).not.toBe('in');
      },
    ),
    { numRuns: 50 },
  );
});
