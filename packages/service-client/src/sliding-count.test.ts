import fc from 'fast-check';
import { SlidingCount } from './sliding-count';

const windowMs = 1000;
const sliceMs = windowMs / 10;

/** Keeps every count with its time. */
class NaiveCount {
  readonly #added: { at: number; count: number }[] = [];

  add(at: number, count = 1): void {
    this.#added.push({ at, count });
  }

  /** What was counted in the present slice and the ten before it. */
  sum(now: number): number {
    const oldest = Math.floor(now / sliceMs) - 10;
    const within = this.#added.filter(({ at }) => Math.floor(at / sliceMs) >= oldest);
    return within.reduce((sum, { count }) => sum + count, 0);
  }

  clear(): void {
    this.#added.length = 0;
  }
}

const steps = fc.array(
  fc.record({
    afterMs: fc.oneof(
      fc.integer({ min: 0, max: 50 }),
      fc.integer({ min: 0, max: 1500 }),
      fc.constantFrom(sliceMs, windowMs, windowMs + sliceMs, 1e6),
    ),
    count: fc.integer({ min: 1, max: 5 }),
    what: fc.constantFrom('add', 'add', 'add', 'sum', 'clear'),
  }),
  { maxLength: 100 },
);

it('counts as a naive count does that keeps everything', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2e12 }), steps, (start, taken) => {
      const naive = new NaiveCount();
      const sliding = new SlidingCount(windowMs);
      let now = start;
      for (const { afterMs, count, what } of taken) {
        now += afterMs;
        if (what === 'clear') {
          naive.clear();
          sliding.clear();
        } else if (what === 'add') {
          naive.add(now, count);
          sliding.add(now, count);
        }
        expect(sliding.sum(now)).toBe(naive.sum(now));
      }
    }),
  );
});

it('keeps what it counted for the window, and for a tenth of it longer at most', () => {
  for (const at of [0, 1, 99, 100, 12_345]) {
    const count = new SlidingCount(windowMs);
    count.add(at);
    expect(count.sum(at + windowMs)).toBe(1);
    expect(count.sum(at + windowMs + sliceMs)).toBe(0);
  }
});

it('takes out what a part of it counted, as if that had never been', () => {
  fc.assert(
    fc.property(steps, steps, (mine, others) => {
      const all = new SlidingCount(windowMs);
      const part = new SlidingCount(windowMs);
      const rest = new NaiveCount();
      let now = 1_000_000;
      for (const { afterMs, count } of mine) {
        now += afterMs;
        for (const each of [all, part]) each.add(now, count);
        all.add(now, 1);
        rest.add(now, 1);
      }
      now += 30;
      all.subtract(part, now);
      expect(all.sum(now)).toBe(rest.sum(now));
      for (const { afterMs } of others) {
        now += afterMs;
        expect(all.sum(now)).toBe(rest.sum(now));
      }
    }),
  );
});

it('does not count backwards in time', () => {
  const count = new SlidingCount(windowMs);
  count.add(5000);
  count.add(3000);
  expect(count.sum(3000)).toBe(2);
  expect(count.sum(5000 + windowMs)).toBe(2);
  expect(count.sum(5000 + windowMs + sliceMs)).toBe(0);
});
