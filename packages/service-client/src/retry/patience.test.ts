import { LatencyHistogram } from '../latency-histogram';
import { patienceMs } from './patience';

const unknown = new LatencyHistogram();

function known(ms: number): LatencyHistogram {
  const latencies = new LatencyHistogram();
  for (let i = 0; i < 100; i += 1) latencies.add(i < 90 ? 1 : ms);
  return latencies;
}

it('is half of the time that is left', () => {
  expect(patienceMs('half', 2000, unknown)).toBe(1000);
  expect(patienceMs('half', 500, known(50))).toBe(250);
});

it('is the time that was given, however much is left', () => {
  expect(patienceMs(300, 2000, known(50))).toBe(300);
  expect(patienceMs(300, 100, unknown)).toBe(300);
});

it('is as long as 95 % of the responses took, to a tenth', () => {
  const ms = patienceMs('p95', 2000, known(50));
  expect(ms).toBeGreaterThan(45);
  expect(ms).toBeLessThan(55);
});

it('is half of the time that is left while that is not known', () => {
  expect(patienceMs('p95', 2000, unknown)).toBe(1000);
});

it('is a millisecond at the least', () => {
  expect(patienceMs('half', 1, unknown)).toBe(1);
  expect(patienceMs('half', -5, unknown)).toBe(1);
  expect(patienceMs('p95', 2000, known(0.2))).toBe(1);
  expect(patienceMs(0.5, 2000, unknown)).toBe(1);
});
