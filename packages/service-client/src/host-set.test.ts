import type { Instance } from '@movies/discovery';
import type { AttemptOutcome } from './attempt';
import { attemptAt, idleOptions, instanceOf } from './testing/idle-hosts';
import { seededRandom } from './testing/seeded-random';
import type { Host } from './host';
import { HostSet } from './host-set';

const draining = { state: 'draining' } as const;
const notReady = { state: 'not_ready' } as const;

function open(instances: readonly Instance[], random = seededRandom(1)) {
  const options = idleOptions(random);
  const set = new HostSet(options);
  set.update(instances);
  return { clock: options.clock, set };
}

/** The host of this id, found by picking all there are. */
function find(set: HostSet, id: string): Host {
  const tried: Host[] = [];
  for (;;) {
    const host = set.pick(tried);
    if (host === undefined) throw new Error(`'${id}' cannot be picked`);
    if (host.instance.id === id) return host;
    tried.push(host);
  }
}

function call(set: HostSet, id: string, outcome: AttemptOutcome, durationMs = 1): void {
  const host = find(set, id);
  host.start();
  set.finish(host, attemptAt(host, outcome, durationMs));
}

function refuse(set: HostSet, id: string): void {
  call(set, id, 'refused');
}

/** The ids that first attempts reach, in order. */
function reached(set: HostSet): string[] {
  const ids = new Set<string>();
  for (let i = 0; i < 50; i++) {
    const host = set.pick([]);
    if (host === undefined) continue;
    ids.add(host.instance.id);
    host.start();
    host.release();
  }
  return [...ids].sort();
}

/** The ids in the order in which one call after the other would try them. */
function order(set: HostSet): string[] {
  const tried: Host[] = [];
  for (let next = set.pick(tried); next !== undefined; next = set.pick(tried)) tried.push(next);
  return tried.map(({ instance }) => instance.id);
}

describe('which are picked', () => {
  test('none of an empty set', () => {
    expect(open([]).set.pick([])).toBeUndefined();
  });

  test('the ready, as long as there are any', () => {
    const { set } = open([instanceOf('a'), instanceOf('b', draining), instanceOf('c', notReady)]);
    expect(reached(set)).toEqual(['a']);
  });

  test('the draining when none is ready', () => {
    const { set } = open([instanceOf('b', draining), instanceOf('c', notReady)]);
    expect(reached(set)).toEqual(['b']);
  });

  test('any when none serves', () => {
    const { set } = open([instanceOf('c', notReady), instanceOf('d', notReady)]);
    expect(reached(set)).toEqual(['c', 'd']);
  });

  test('for a retry: the untried, then the draining, and none that does not serve', () => {
    const { set } = open([instanceOf('a'), instanceOf('b', draining), instanceOf('c', notReady)]);
    expect(order(set)).toEqual(['a', 'b']);
  });

  test('for a retry: those set aside come after the others, before the draining', () => {
    const ids = ['a', 'b', 'c'];
    const { set } = open([...ids.map((id) => instanceOf(id)), instanceOf('d', draining)]);
    for (const id of ['b', 'c']) call(set, id, 'ok');
    refuse(set, 'a');
    const tried = order(set);
    expect([tried.slice(0, 2).sort(), tried.slice(2)]).toEqual([
      ['b', 'c'],
      ['a', 'd'],
    ]);
  });

  test('there is another one as long as one is untried', () => {
    const { set } = open([instanceOf('a'), instanceOf('b'), instanceOf('c', notReady)]);
    const a = find(set, 'a');
    expect([set.hasOther([]), set.hasOther([a]), set.hasOther([a, find(set, 'b')])]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('which are set aside', () => {
  test('one of two', () => {
    const { set } = open([instanceOf('a'), instanceOf('b')]);
    refuse(set, 'a');
    expect([set.ejected, reached(set)]).toEqual([1, ['b']]);
  });

  test('never the last', () => {
    const { set } = open([instanceOf('a'), instanceOf('b')]);
    refuse(set, 'a');
    refuse(set, 'b');
    expect([set.ejected, reached(set)]).toEqual([1, ['b']]);
  });

  test('not a lone one', () => {
    const { set } = open([instanceOf('a')]);
    refuse(set, 'a');
    expect([set.ejected, reached(set)]).toEqual([0, ['a']]);
  });

  test.each([
    [3, 1],
    [4, 2],
    [10, 5],
  ])('of %i at most %i', (count, most) => {
    const ids = Array.from({ length: count }, (_, i) => `${i}`);
    const { set } = open(ids.map((id) => instanceOf(id)));
    for (const id of ids) refuse(set, id);
    expect(set.ejected).toBe(most);
  });

  test('one of two that drain, when none is ready', () => {
    const { set } = open([instanceOf('a', draining), instanceOf('b', draining)]);
    refuse(set, 'a');
    expect(reached(set)).toEqual(['b']);
  });

  test('until their time is over', async () => {
    const { clock, set } = open([instanceOf('a'), instanceOf('b')], () => 0.5);
    call(set, 'b', 'ok');
    refuse(set, 'a');
    await clock.advance(999);
    expect(set.pick([])?.instance.id).toBe('b');
    await clock.advance(1);
    expect([set.ejected, set.pick([])?.instance.id]).toEqual([0, 'a']);
  });

  test('each until its own time is over', async () => {
    const { clock, set } = open(
      ['a', 'b', 'c', 'd'].map((id) => instanceOf(id)),
      () => 0.5,
    );
    refuse(set, 'a');
    await clock.advance(500);
    refuse(set, 'b');
    expect(set.ejected).toBe(2);
    await clock.advance(500);
    expect(order(set).at(-1)).toBe('b');
  });

  test('and come back for one call at a time, until one has gone well', async () => {
    const { clock, set } = open([instanceOf('a'), instanceOf('b')]);
    call(set, 'b', 'ok');
    refuse(set, 'a');
    await clock.advance(2000);
    const probe = find(set, 'a');
    expect(set.pick([])).toBe(probe);
    probe.start();
    expect(reached(set)).toEqual(['b']);
    set.finish(probe, attemptAt(probe, 'ok'));
    expect(reached(set)).toEqual(['a', 'b']);
  });

  test('and get no second call before that, however slow the others are', async () => {
    const { clock, set } = open([instanceOf('a'), instanceOf('b')]);
    call(set, 'b', 'ok', 60_000);
    refuse(set, 'a');
    await clock.advance(2000);
    find(set, 'a').start();
    expect(reached(set)).toEqual(['b']);
  });

  test('all are picked again when only those set aside are left', () => {
    const { set } = open([instanceOf('a'), instanceOf('b')]);
    refuse(set, 'a');
    set.update([instanceOf('a')]);
    expect(reached(set)).toEqual(['a']);
  });
});

describe('when the set changes', () => {
  test('what is known of an instance outlives it', () => {
    const { set } = open([instanceOf('a'), instanceOf('b')]);
    const before = find(set, 'b');
    refuse(set, 'a');
    set.update([instanceOf('a'), instanceOf('b', { labels: { version: '2' } }), instanceOf('c')]);
    expect(find(set, 'b')).toBe(before);
    expect(before.instance.labels).toEqual({ version: '2' });
    expect(set.ejected).toBe(1);
  });

  test('those that stay are the same, whoever comes and goes, and who leaves is freed', () => {
    const set = open([]).set;
    let before = new Map<string, Host>();
    for (const ids of ['cdgh', 'acdeghz', 'cgh', 'cfg', 'abcfg', 'g', 'fgh', 'ab', '']) {
      set.update(Array.from(ids, (id) => instanceOf(id)));
      const after = new Map(Array.from(ids, (id) => [id, find(set, id)]));
      expect([...after.values()].some(({ pool }) => pool.destroyed)).toBe(false);
      const kept = [...before].filter(([id, host]) => after.get(id) === host);
      expect(kept.map(([id]) => id)).toEqual([...before.keys()].filter((id) => ids.includes(id)));
      const freed = [...before].filter(([, { pool }]) => pool.destroyed).map(([id]) => id);
      expect(freed).toEqual([...before.keys()].filter((id) => !ids.includes(id)));
      before = after;
    }
  });

  test('another address under the same id is another host', () => {
    const { set } = open([instanceOf('a')]);
    const before = find(set, 'a');
    expect(before.pool.destroyed).toBe(false);
    set.update([instanceOf('a', { port: 81 })]);
    expect(find(set, 'a')).not.toBe(before);
    expect(before.pool.destroyed).toBe(true);
  });

  test('one that left is freed at once if it has nothing to do', () => {
    const { set } = open([instanceOf('a'), instanceOf('b')]);
    const gone = find(set, 'a');
    expect(gone.pool.destroyed).toBe(false);
    set.update([instanceOf('b')]);
    expect([gone.pool.destroyed, reached(set)]).toEqual([true, ['b']]);
  });

  test('one that left is freed when its last call ends', () => {
    const { clock, set } = open([instanceOf('a'), instanceOf('b')]);
    const gone = find(set, 'a');
    gone.start();
    set.update([instanceOf('b')]);
    expect(gone.pool.destroyed).toBe(false);
    set.finish(gone, attemptAt(gone, 'ok'));
    expect([gone.pool.destroyed, clock.pending]).toEqual([true, 0]);
  });

  test('one that left waits 30 seconds for its last call, no longer', async () => {
    const { clock, set } = open([instanceOf('a')]);
    const gone = find(set, 'a');
    gone.start();
    set.update([]);
    await clock.advance(29_999);
    expect(gone.pool.destroyed).toBe(false);
    await clock.advance(1);
    expect(gone.pool.destroyed).toBe(true);
  });
});

describe('when it is closed', () => {
  test('nothing is left to pick', async () => {
    const { set } = open([instanceOf('a')]);
    await set.close(0);
    expect([set.pick([]), set.hasOther([])]).toEqual([undefined, false]);
  });

  test('its limit holds also for what has left before', async () => {
    const { clock, set } = open([instanceOf('a'), instanceOf('b')]);
    for (const id of ['a', 'b']) find(set, id).start();
    set.update([instanceOf('b')]);
    const closed = set.close(1000);
    await clock.advance(1000);
    await closed;
    expect(clock.pending).toBe(0);
  });
});
