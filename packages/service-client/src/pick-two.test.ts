import { pickTwo } from './pick-two';
import { seededRandom } from './testing/seeded-random';
import { attemptAt, idleOptions, instanceOf } from './testing/upstreams';
import { Upstream } from './upstream';

const always = () => true;
const options = idleOptions();
const now = options.clock.now();

/** Upstreams with these latencies, known from one call each. */
function upstreamsOf(latencies: readonly number[], weights: readonly number[] = []): Upstream[] {
  return latencies.map((latencyMs, i) => {
    const upstream = new Upstream(instanceOf(String(i), { weight: weights[i] ?? 1 }), options);
    upstream.start();
    upstream.finish(attemptAt(upstream, 'ok', latencyMs), always);
    return upstream;
  });
}

/** How often each is picked in `count` picks; `use` is what happens with each that is. */
function share(
  upstreams: readonly Upstream[],
  count: number,
  use: (upstream: Upstream) => void = (upstream) => {
    upstream.start();
    upstream.release();
  },
): number[] {
  const random = seededRandom(1);
  const counts = new Map<Upstream | undefined, number>();
  for (let i = 0; i < count; i++) {
    const picked = pickTwo(upstreams, now, random);
    if (picked !== undefined) use(picked);
    counts.set(picked, (counts.get(picked) ?? 0) + 1);
  }
  return upstreams.map((upstream) => counts.get(upstream) ?? 0);
}

test('of none it picks none', () => {
  expect(pickTwo([], now, Math.random)).toBeUndefined();
});

test('of one it picks that, whatever it costs', () => {
  const [lone] = upstreamsOf([9999]);
  expect(lone).toBeDefined();
  expect(pickTwo(lone === undefined ? [] : [lone], now, Math.random)).toBe(lone);
});

test('of two it picks the faster', () => {
  expect(share(upstreamsOf([50, 5000]), 10)).toEqual([10, 0]);
});

test('of two it picks the one with less to do', () => {
  const upstreams = upstreamsOf([10, 10]);
  upstreams[0]?.start();
  expect(pickTwo(upstreams, now, seededRandom(1))).toBe(upstreams[1]);
});

test('of two that are equal and idle it picks by turns', () => {
  expect(share(upstreamsOf([1, 1]), 20)).toEqual([10, 10]);
});

test('equal instances get equal shares', () => {
  const counts = share(upstreamsOf(Array.from({ length: 10 }, () => 10)), 10_000);
  expect(Math.min(...counts)).toBeGreaterThan(950);
  expect(Math.max(...counts)).toBeLessThan(1050);
});

test('the slowest of many is picked only when it was forgotten', () => {
  const latencies = Array.from({ length: 10 }, (_, i) => (i === 0 ? 100_000 : 10));
  expect(share(upstreamsOf(latencies), 100)[0]).toBe(0);
});

test('the one not picked fades, until it is tried again', () => {
  const upstreams = upstreamsOf([1, 15]);
  const counts = share(upstreams, 20);
  expect(counts[1]).toBeGreaterThanOrEqual(1);
});

test('the one not picked does not fade while a call is out that may yet prove it slow', () => {
  const upstreams = upstreamsOf([10, 15]);
  upstreams[1]?.start();
  expect(share(upstreams, 1000)).toEqual([1000, 0]);
});

test('an unknown instance gets one call, and the next when that is answered', () => {
  const known = upstreamsOf([10]);
  const fresh = new Upstream(instanceOf('fresh'), options);
  const both = [...known, fresh];
  const first = pickTwo(both, now, Math.random);
  fresh.start();
  expect([first, pickTwo(both, now, Math.random)]).toEqual([fresh, known[0]]);
});

test('shares of idle instances follow their weights', () => {
  const [light = 0, heavy = 0] = share(upstreamsOf([1, 1], [1, 3]), 400);
  expect([light, heavy]).toEqual([100, 300]);
});

test('shares of busy instances follow their weights', () => {
  const [light, heavy] = share(upstreamsOf([1, 1], [1, 3]), 400, (upstream) => {
    upstream.start();
  });
  expect([light, heavy]).toEqual([100, 300]);
});
