import fc from 'fast-check';
import { LatencyHistogram } from './latency-histogram';

function histogramOf(durationsMs: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const durationMs of durationsMs) histogram.add(durationMs);
  return histogram;
}

it('is right to a tenth', () => {
  const durations = fc.array(fc.double({ min: 0.11, max: 1e6, noNaN: true }), {
    minLength: 5,
    maxLength: 900,
  });
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(durations, share, (durationsMs, wanted) => {
      const quantile = histogramOf(durationsMs).quantile(wanted) ?? NaN;
      const sorted = durationsMs.toSorted((a, b) => a - b);
      const exact = sorted[Math.max(0, Math.ceil(wanted * sorted.length) - 1)] ?? NaN;
      expect(quantile / exact).toBeGreaterThan(0.9);
      expect(quantile / exact).toBeLessThan(1.1);
    }),
  );
});

it('knows nothing before the fifth response', () => {
  expect(histogramOf([1, 1, 1, 1]).quantile(0.5)).toBeUndefined();
  expect(histogramOf([1, 1, 1, 1, 1]).quantile(0.5)).toBeCloseTo(1, 0);
});

it('forgets: after as many new ones again the old ones count half', () => {
  const histogram = histogramOf(Array.from({ length: 200 }, () => 1));
  expect(histogram.quantile(0.5)).toBeLessThan(2);
  for (let i = 0; i < 99; i += 1) histogram.add(100);
  expect(histogram.quantile(0.5)).toBeLessThan(2);
  for (let i = 0; i < 2; i += 1) histogram.add(100);
  expect(histogram.quantile(0.5)).toBeGreaterThan(50);
});

it('still knows a quantile after millions of responses', () => {
  const histogram = new LatencyHistogram();
  for (let i = 0; i < 1_100_000; i += 1) histogram.add(i < 1000 ? 3 : 7);
  for (const share of [0, 0.5, 0.95, 1]) {
    expect(Math.abs((histogram.quantile(share) ?? NaN) - (share === 0 ? 3 : 7))).toBeLessThan(5);
  }
});

it.each([0, 0.05, Number.MIN_VALUE])('takes %d ms for a tenth of a millisecond', (durationMs) => {
  expect(histogramOf(Array.from({ length: 5 }, () => durationMs)).quantile(1)).toBeCloseTo(0.1, 1);
});

it.each([1e7, Infinity])('takes %d ms for twenty minutes', (durationMs) => {
  const quantile = histogramOf(Array.from({ length: 5 }, () => durationMs)).quantile(1) ?? NaN;
  expect(quantile / 60_000).toBeGreaterThan(15);
  expect(quantile / 60_000).toBeLessThan(20);
});
