import { createInstance } from '@movies/discovery';
import { ManualClock } from '@movies/discovery/testing';
import type { AttemptOutcome } from './attempt';
import { seededRandom } from './testing/seeded-random';
import type { Upstream } from './upstream';
import { UpstreamSet } from './upstream-set';

function open(ids: readonly string[]) {
  const clock = new ManualClock();
  const set = new UpstreamSet({
    clock,
    random: seededRandom(7),
    maxConnections: 1,
    keepAliveMs: 1000,
    connectTimeoutMs: 1000,
  });
  set.update(
    ids.map((id, i) => createInstance({ id, service: 's', host: '127.0.0.1', port: 1 + i })),
  );
  const call = (upstream: Upstream, outcome: AttemptOutcome, durationMs = 1) => {
    upstream.start();
    set.finish(upstream, { instance: upstream.instance, outcome, durationMs });
  };
  const byId = (id: string): Upstream => {
    const tried: Upstream[] = [];
    for (;;) {
      const upstream = set.pick(tried);
      if (upstream === undefined) throw new Error(`no upstream '${id}'`);
      if (upstream.instance.id === id) return upstream;
      tried.push(upstream);
    }
  };
  const pickedIn = (count: number) => {
    const picked = new Map<string, number>();
    for (let i = 0; i < count; i += 1) {
      const upstream = set.pick([]);
      if (upstream === undefined) continue;
      call(upstream, 'ok');
      picked.set(upstream.instance.id, (picked.get(upstream.instance.id) ?? 0) + 1);
    }
    return picked;
  };
  return { clock, set, call, byId, pickedIn };
}

it.each([
  [1, 0],
  [2, 1],
  [3, 1],
  [4, 2],
  [10, 5],
])('of %d instances that all refuse sets %d aside', (count, ejected) => {
  const ids = Array.from({ length: count }, (_, i) => `i${i}`);
  const { set, call, byId } = open(ids);
  for (const upstream of ids.map(byId)) call(upstream, 'refused');
  expect(set.ejected).toBe(ejected);
});

it('picks nothing that is set aside, until its time is over, and then gives it one call', async () => {
  const { clock, set, call, byId, pickedIn } = open(['a', 'b']);
  call(byId('a'), 'refused');
  expect([...pickedIn(50).keys()]).toEqual(['b']);
  await clock.advance(1300);
  const probe = set.pick([]);
  expect(probe?.instance.id).toBe('a');
  probe?.start();
  for (let i = 0; i < 20; i += 1) expect(set.pick([])?.instance.id).toBe('b');
});

it('falls back on what is set aside when everything else was tried', () => {
  const { set, call, byId } = open(['a', 'b']);
  const [a, b] = [byId('a'), byId('b')];
  call(a, 'refused');
  expect(set.pick([b])).toBe(a);
  expect(set.pick([a, b])).toBeUndefined();
});

it('takes another address under the same id for another instance', () => {
  const { set, byId } = open(['a']);
  const before = byId('a');
  set.update([createInstance({ id: 'a', service: 's', host: '127.0.0.1', port: 9 })]);
  expect(set.pick([])).not.toBe(before);
});

it('gives one of ten that is ten times slower about a hundredth of the calls', () => {
  const ids = Array.from({ length: 10 }, (_, i) => `i${i}`);
  const { set, call } = open(ids);
  let slow = 0;
  const calls = 20_000;
  for (let i = 0; i < calls; i += 1) {
    const upstream = set.pick([]);
    if (upstream === undefined) throw new Error('nothing to pick');
    const isSlow = upstream.instance.id === 'i0';
    if (isSlow) slow += 1;
    call(upstream, 'ok', isSlow ? 100 : 10);
  }
  expect(slow / calls).toBeLessThan(0.015);
  expect(slow).toBeGreaterThan(0);
});
