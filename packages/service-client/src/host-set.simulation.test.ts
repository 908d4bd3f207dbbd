import type { Balancer } from './balancer/balancer';
import { LeastRequest } from './balancer/least-request';
import { PeakEwma } from './balancer/peak-ewma';
import { RoundRobin } from './balancer/round-robin';
import { around, withOutliers, type Behaviour } from './testing/simulated-server';
import { Simulation, type SimulationOptions, type Stretch } from './testing/simulation';

const healthy: Behaviour = { ms: around(1.5) };
const slow: Behaviour = { ms: around(20) };

function times(count: number, behaviour: Behaviour): Behaviour[] {
  return Array.from({ length: count }, () => behaviour);
}

/** A simulation after three seconds at 400 requests per second, unless told otherwise. */
function open(options: Partial<SimulationOptions> & Pick<SimulationOptions, 'servers'>) {
  const simulation = new Simulation({ perSecond: 400, seed: 4, ...options });
  simulation.run(3000);
  return simulation;
}

/** The share of each of the first servers, 1 being the fair one. */
function fairness(stretch: Stretch, servers: number): number[] {
  return Array.from({ length: servers }, (_, index) => stretch.share(index) * servers);
}

describe('one instance that is 13 times slower', () => {
  test.each([
    { servers: 2, most: 0.01 },
    { servers: 3, most: 0.01 },
    { servers: 10, most: 0.005 },
    { servers: 100, most: 0.001 },
  ])('of $servers gets less than 1 %, and p99 is that of the healthy ones', ({ servers, most }) => {
    const stretch = open({ servers: [slow, ...times(servers - 1, healthy)] }).run(20_000);
    expect(stretch.share(0)).toBeLessThan(most);
    expect(stretch.quantileMs(0.99)).toBeLessThan(3 * 1.8);
  });

  test.each([
    { perSecond: 10, runMs: 600_000 },
    { perSecond: 60, runMs: 100_000 },
    { perSecond: 2000, runMs: 5000 },
  ])('of ten gets as little at $perSecond requests per second', ({ perSecond, runMs }) => {
    const stretch = open({ servers: [slow, ...times(9, healthy)], perSecond }).run(runMs);
    expect(stretch.share(0)).toBeLessThan(0.006);
  });

  test.each([
    { servers: 2, most: 0.012 },
    { servers: 3, most: 0.012 },
    { servers: 10, most: 0.006 },
  ])('of $servers gets hardly more where 1 % of the others take 50 ms', ({ servers, most }) => {
    const ms = withOutliers(around(1.5), 0.01, around(50));
    const stretch = open({ servers: [slow, ...times(servers - 1, { ms })] }).run(20_000);
    expect(stretch.share(0)).toBeLessThan(most);
  });

  test.each([2, 3, 10])('of %i and well again has its share within a second', (servers) => {
    const simulation = open({ servers: [slow, ...times(servers - 1, healthy)] });
    simulation.run(10_000);
    simulation.behave(healthy);
    simulation.run(300);
    expect(simulation.run(700).share(0) * servers).toBeGreaterThan(0.75);
    expect(simulation.run(4000).share(0) * servers).toBeGreaterThan(0.85);
  });
});

test('20 of 2,000 that are slow get a tenth of their share', () => {
  const simulation = open({
    servers: [...times(20, slow), ...times(1980, healthy)],
    perSecond: 4000,
  });
  simulation.run(20_000);
  const stretch = simulation.run(20_000);
  const share = Array.from({ length: 20 }, (_, index) => stretch.share(index)).reduce(
    (sum, each) => sum + each,
  );
  expect(share).toBeLessThan(0.001);
});

test('an instance that is new has its share at once', () => {
  const simulation = new Simulation({ servers: times(11, healthy), perSecond: 400 });
  simulation.publish([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  simulation.run(3000);
  simulation.publish();
  expect(simulation.run(300).share(10) * 11).toBeGreaterThan(0.8);
});

describe('the order of the policies', () => {
  /** Ten of 10 ms with four slots each, one of them ten times slower, 600 requests per second by four clients. */
  function run(balancer: () => Balancer) {
    const ten = [{ ms: around(100), slots: 4 }, ...times(9, { ms: around(10), slots: 4 })];
    const simulation = new Simulation({
      servers: ten,
      perSecond: 600,
      clients: 4,
      arrivals: 'random',
      client: () => ({ balancer: balancer(), deadlineMs: 60_000, maxAttempts: 1 }),
      seed: 5,
    });
    const stretch = simulation.run(60_000);
    simulation.rest(60_000);
    return { share: stretch.share(0), p99: stretch.quantileMs(0.99) };
  }

  test('is round robin, least request, peak EWMA', () => {
    const roundRobin = run(() => new RoundRobin());
    const leastRequest = run(() => new LeastRequest());
    const peakEwma = run(() => new PeakEwma());
    expect(roundRobin.share).toBeCloseTo(0.1);
    expect(leastRequest.share).toBeLessThan(0.06);
    expect(peakEwma.share).toBeLessThan(0.005);
    expect(roundRobin.p99).toBeGreaterThan(100 * leastRequest.p99);
    expect(peakEwma.p99).toBeLessThan(leastRequest.p99 / 5);
  });
});

describe('instances that fail', () => {
  test.each<Behaviour>([
    { ms: around(1), outcome: 'failed' },
    { ms: around(1), outcome: 'unavailable' },
    { ms: around(1), outcome: 'overloaded' },
    { ms: () => 0, outcome: 'refused' },
    { ms: () => 500, outcome: 'aborted' },
  ])('one of three that ends requests as $outcome does not draw them', (failing) => {
    const simulation = open({ servers: times(3, { ms: around(20) }) });
    simulation.behave(failing, [0]);
    const stretch = simulation.run(8000);
    expect(stretch.share(0)).toBeLessThan(0.01);
    expect(stretch.failed).toBeLessThanOrEqual(20);
  });

  test.each<Behaviour>([
    { ms: around(1), outcome: 'unavailable' },
    { ms: () => 0, outcome: 'refused' },
  ])(
    'two of three that end requests as $outcome do not, though only one may be ejected',
    (failing) => {
      const simulation = open({ servers: times(3, { ms: around(20) }) });
      simulation.behave(failing, [0, 1]);
      const stretch = simulation.run(8000);
      expect(stretch.share(2)).toBeGreaterThan(0.95);
      expect(stretch.failed).toBe(0);
    },
  );

  test('one of ten that hangs delays a handful of requests, and fails none', () => {
    const simulation = open({ servers: times(10, healthy) });
    simulation.behave({ ms: () => Infinity }, [0]);
    const stretch = simulation.run(5000);
    simulation.rest(2000);
    expect(stretch.failed).toBe(0);
    expect(stretch.latenciesMs.filter((ms) => ms > 500).length).toBeLessThanOrEqual(5);
  });

  test('all that fail get 20 % and ten requests per second more, and are all used afterwards', () => {
    const simulation = open({ servers: times(3, healthy) });
    simulation.behave({ ms: around(1), outcome: 'unavailable' });
    const failing = simulation.run(10_000);
    simulation.behave(healthy);
    const after = simulation.run(5000);
    const later = simulation.run(3000);
    // The requests of the seconds before pay, too.
    expect(failing.amplification).toBeLessThan(1.26);
    expect(after.failed).toBe(0);
    expect(Math.min(...fairness(later, 3))).toBeGreaterThan(0.9);
  });
});

test('an overload of all is served to their capacity, and is over with its cause', () => {
  const simulation = open({ servers: times(3, { ms: around(2), slots: 1 }) });
  // 250 requests per second, of 400.
  simulation.behave({ ms: around(12), slots: 1 });
  const overload = simulation.run(6000);
  const relievedAt = simulation.clock.now();
  const answered = overload.answeredAt.length;
  simulation.behave({ ms: around(2), slots: 1 });
  const after = simulation.run(6000);
  const later = simulation.run(3000);
  expect(answered / 6).toBeGreaterThan(200);
  // 20 %, 10 per second, what was saved up in ten seconds, and what the requests before pay.
  expect(overload.amplification).toBeLessThan(1.45);
  // Only what waited already still meets its deadline.
  expect(after.lastFailureAt - relievedAt).toBeLessThan(2100);
  expect(Math.min(...fairness(later, 3))).toBeGreaterThan(0.9);
});

test.each([1, 2, 3, 4, 5, 6])(
  'a brown-out beyond half of the deadline fails no request, and ejects none: seed %i',
  (seed) => {
    const simulation = open({ servers: times(3, healthy), perSecond: 100, seed });
    simulation.behave({ ms: () => 1200 });
    const brownOut = simulation.run(6000);
    simulation.behave(healthy);
    const after = simulation.run(3000);
    const later = simulation.run(3000);
    expect([brownOut.failed, after.failed]).toEqual([0, 0]);
    expect(brownOut.amplification).toBeLessThan(1.5);
    expect(Math.min(...fairness(later, 3))).toBeGreaterThan(0.8);
    expect(simulation.hostSets.map(({ ejected }) => ejected)).toEqual([0]);
  },
);

test('two runs with the same seed are the same, and others are not', () => {
  const run = (seed: number) => {
    const options = { servers: [slow, ...times(4, healthy)], arrivals: 'random', seed } as const;
    const { latenciesMs, attempts } = open(options).run(1000);
    return { latenciesMs, attempts };
  };
  expect(run(1)).toEqual(run(1));
  expect(run(2)).not.toEqual(run(1));
});
