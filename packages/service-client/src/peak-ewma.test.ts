import { PeakEwma } from './peak-ewma';

const tauMs = 10_000;

function known(ms: number): PeakEwma {
  const latency = new PeakEwma();
  latency.observe(ms, 0);
  return latency;
}

test('an unknown instance costs nothing while it has nothing to do', () => {
  expect(new PeakEwma().cost(0, 0)).toBe(0);
});

test('an unknown instance gets one probe: with that under way it costs more than a slow one', () => {
  expect(new PeakEwma().cost(0, 1)).toBeGreaterThan(known(900).cost(0, 0));
});

test('each call under way adds the price of one', () => {
  expect([0, 1, 2].map((outstanding) => known(50).cost(0, outstanding))).toEqual([50, 100, 150]);
});

test('a slow answer raises the estimate at once', () => {
  const latency = known(10);
  latency.observe(400, 0);
  expect(latency.cost(0, 0)).toBe(400);
});

test('a fast answer lowers it slowly', () => {
  const latency = known(400);
  latency.observe(10, tauMs / 10);
  expect(latency.cost(tauMs / 10, 0)).toBeCloseTo(400 * Math.exp(-0.1) + 10 * (1 - Math.exp(-0.1)));
});

test('it fades with time, so that an idle instance is tried again', () => {
  expect(known(400).cost(tauMs, 0)).toBeCloseTo(400 / Math.E);
});

test('it fades with each pick lost', () => {
  const latency = known(400);
  latency.lose();
  latency.lose();
  expect(latency.cost(0, 0)).toBeCloseTo(400 * 0.81);
});

test('below 5 ms all are equally fast', () => {
  expect(known(1).cost(0, 0)).toBe(known(4.9).cost(0, 0));
  expect(known(1).cost(0, 0)).toBeLessThan(known(6).cost(0, 0));
});

test('a failure in no time is taken for a slow answer', () => {
  const latency = known(10);
  latency.observeFailure(1, 0);
  expect(latency.cost(0, 0)).toBe(1000);
});

test('a failure that took longer is taken for what it took', () => {
  const latency = known(10);
  latency.observeFailure(1500, 0);
  expect(latency.cost(0, 0)).toBe(1500);
});

test('a call given up shows only that it would have taken longer', () => {
  const latency = known(100);
  latency.observeAtLeast(20, 0);
  expect(latency.cost(0, 0)).toBe(100);
  latency.observeAtLeast(300, 0);
  expect(latency.cost(0, 0)).toBe(300);
});

test('forgotten, it is unknown again', () => {
  const latency = known(400);
  latency.forget();
  expect(latency.cost(0, 0)).toBe(0);
});
