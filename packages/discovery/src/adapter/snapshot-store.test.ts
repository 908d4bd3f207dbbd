import { createInstance, type Instance, type InstanceFields } from '../instance';
import { ManualClock } from '@movies/time/testing';
import type { Snapshot, Unknown } from '../view';
import { SourceFailure } from './source-failure';
import { SnapshotStore } from './snapshot-store';

const instance = (id: string, more: Partial<InstanceFields> = {}) =>
  createInstance({ id, service: 'metadata', host: 'localhost', port: 8081, ...more });

const down = (message = 'the registry is down', reason = 'reset') =>
  new SourceFailure('lost', message, { reason });

function open(options: { readonly maxStaleMs?: number } = {}) {
  const clock = new ManualClock();
  const store = new SnapshotStore({ service: 'metadata', clock, ...options });
  const told: string[] = [];
  store.subscribe((view) => told.push(describeView(view)));
  return { clock, store, told };
}

/** `1: a b (why it may be old)` */
function describeView(view: Unknown | Snapshot): string {
  const { failure } = view;
  const why =
    failure === undefined ? '' : ` (${failure.message.replace("watching 'metadata': ", '')})`;
  if (view.state === 'unknown') return `unknown${why}`;
  return `${view.version}: ${view.instances.map(({ id }) => id).join(' ')}${why}`;
}

function known({ view }: SnapshotStore): Snapshot {
  if (view.state === 'unknown') throw new Error('the set is not known');
  return view;
}

describe('SnapshotStore', () => {
  it('knows nothing before the first set, and an empty first set is known to be empty', () => {
    const { store, told, clock } = open();
    expect([store.view, told]).toEqual([{ state: 'unknown' }, []]);
    store.publish([]);
    expect(told).toEqual(['1: ']);
    expect(store.view).toEqual({
      state: 'known',
      service: 'metadata',
      version: 1,
      instances: [],
      confirmedAt: clock.now(),
    });
  });

  it('says why a set is empty, tells a new reason without a new version, and none beside a member', () => {
    const { store } = open();
    const told: unknown[] = [];
    store.subscribe(() => {
      const { version, emptyBecause } = known(store);
      told.push([version, emptyBecause]);
    });
    store.publish([], { emptyBecause: 'no such name' });
    store.publish([], { emptyBecause: 'no such name' });
    store.publish([], { emptyBecause: 'no address' });
    store.publish([]);
    store.publish([instance('a')], { emptyBecause: 'no address' });
    expect(told).toEqual([
      [1, 'no such name'],
      [1, 'no address'],
      [1, undefined],
      [2, undefined],
    ]);
    expect(store.view).not.toHaveProperty('emptyBecause');
  });

  it('tells what the operator should know beside a set, without a new version', () => {
    const { store } = open();
    const told: unknown[] = [];
    store.subscribe(() => {
      const { version, note } = known(store);
      told.push([version, note]);
    });
    store.publish([instance('a')], { note: 'AAAA is not answered' });
    store.publish([instance('a')], { note: 'AAAA is not answered' });
    store.publish([instance('a')]);
    expect(told).toEqual([
      [1, 'AAAA is not answered'],
      [1, undefined],
    ]);
  });

  it('keeps why a set is empty under a failure', () => {
    const { store } = open();
    store.publish([], { emptyBecause: 'no such name' });
    store.fail(down());
    expect(store.view).toMatchObject({
      emptyBecause: 'no such name',
      failure: { code: 'registry_unavailable', cause: down() },
    });
  });

  it('orders a set by id, and tells it once however it is ordered', () => {
    const { store, told } = open();
    store.publish([instance('b'), instance('a')]);
    store.publish([instance('a'), instance('b')]);
    expect(told).toEqual(['1: a b']);
  });

  it('tells a set that lost, gained or changed a member, with the next version', () => {
    const { store, told } = open();
    store.publish([instance('a')]);
    store.publish([instance('a'), instance('b')]);
    store.publish([instance('b')]);
    store.publish([instance('b', { state: 'not_ready' })]);
    store.publish([]);
    expect(told).toEqual(['1: a', '2: a b', '3: b', '4: b', '5: ']);
  });

  it('keeps the identity of what did not change: the set, or else its members', () => {
    const { store } = open();
    store.publish([instance('a'), instance('b')]);
    const first = known(store).instances;
    store.publish([instance('b'), instance('a')]);
    expect(known(store).instances).toBe(first);
    store.publish([instance('a'), instance('b', { weight: 2 })]);
    expect(known(store).instances[0]).toBe(first[0]);
    expect(known(store).instances[1]).not.toBe(first[1]);
  });

  it.each([
    ['in order', (set: Instance[]) => set],
    ['in any order', (set: Instance[]) => set.toReversed()],
  ])('keeps the identity of those that stay, whoever comes and goes: %s', (_, arrange) => {
    const { store, told } = open();
    const publish = (ids: string) => {
      store.publish(arrange(Array.from(ids, (id) => instance(id))));
      return new Map(known(store).instances.map((each) => [each.id, each]));
    };
    let before = publish('cdgh');
    for (const ids of ['acdeghz', 'cgh', 'cfg', 'abcfg', 'g', 'fgh', 'ab']) {
      const after = publish(ids);
      for (const [id, each] of after) expect(before.get(id) ?? each).toBe(each);
      before = after;
    }
    expect(told).toEqual([
      '1: c d g h',
      '2: a c d e g h z',
      '3: c g h',
      '4: c f g',
      '5: a b c f g',
      '6: g',
      '7: f g h',
      '8: a b',
    ]);
  });

  it('is confirmed by an unchanged set', async () => {
    const { store, clock } = open();
    store.publish([instance('a')]);
    await clock.advance(60_000);
    store.publish([instance('a')]);
    expect(store.view).toMatchObject({ version: 1, confirmedAt: clock.now() });
  });

  it('freezes a snapshot and all in it, also what an adapter did not freeze', () => {
    const { store } = open();
    store.publish([{ ...instance('a') }]);
    const snapshot = known(store);
    const parts = [snapshot, snapshot.instances, snapshot.instances[0]];
    expect(parts.map((part) => Object.isFrozen(part))).toEqual([true, true, true]);
    store.fail(down());
    expect(Object.isFrozen(store.view)).toBe(true);
  });

  it.each([
    ['ready', 'draining'],
    ['ready', 'not_ready'],
    ['draining', 'not_ready'],
  ] as const)('keeps %s rather than %s when an id comes twice', (better, worse) => {
    const { store } = open();
    store.publish([instance('a', { state: worse }), instance('a', { state: better })]);
    expect(known(store).instances.map(({ state }) => state)).toEqual([better]);
    store.publish([instance('a', { state: better }), instance('a', { state: worse })]);
    expect(known(store).version).toBe(1);
  });

  it('keeps the last good set under a failure, told once for each change', async () => {
    const { store, told, clock } = open();
    store.publish([instance('a')]);
    const confirmedAt = clock.now();
    await clock.advance(1000);
    store.fail(down());
    store.fail(down());
    store.fail(down('it has no leader', 'stale'));
    expect(store.view).toMatchObject({
      confirmedAt,
      failure: { message: "watching 'metadata': it has no leader" },
    });
    store.publish([instance('a')]);
    expect(told).toEqual([
      '1: a',
      '1: a (the registry is down)',
      '1: a (it has no leader)',
      '1: a',
    ]);
    expect(store.view).not.toHaveProperty('failure');
  });

  it('counts every failure by reason, tells it before the first set too, and makes no set of one', () => {
    const { store, told } = open();
    store.fail(down());
    store.fail(down());
    store.fail(down(undefined, 'timeout'));
    expect([...store.failures]).toEqual([
      ['reset', 2],
      ['timeout', 1],
    ]);
    expect(told).toEqual(['unknown (the registry is down)']);
    store.publish([]);
    expect(told).toEqual(['unknown (the registry is down)', '1: ']);
  });

  it('lets the same listener subscribe twice', () => {
    const store = open().store;
    const told: number[] = [];
    const listener = () => told.push(known(store).version);
    const unsubscribe = store.subscribe(listener);
    store.subscribe(listener);
    unsubscribe();
    store.publish([]);
    expect(told).toEqual([1]);
  });

  it('does not tell a listener that another one has just taken out', () => {
    const store = open().store;
    const told: string[] = [];
    const later: (() => void)[] = [];
    store.subscribe(() => {
      later.forEach((unsubscribe) => {
        unsubscribe();
      });
    });
    later.push(store.subscribe(() => told.push('taken out')));
    store.publish([]);
    expect(told).toEqual([]);
  });

  it('ends with the newest set for each listener when a listener causes the next one', () => {
    const store = open().store;
    const told: number[] = [];
    store.subscribe(() => {
      if (known(store).version === 1) store.publish([instance('a')]);
    });
    store.subscribe(() => told.push(known(store).version));
    store.publish([]);
    expect(told).toEqual([2]);
  });

  it('does not know a set any more that was not confirmed for too long', async () => {
    const { store, told, clock } = open({ maxStaleMs: 10_000 });
    store.publish([instance('a')]);
    await clock.advance(60_000);
    expect(told).toEqual(['1: a']);
    store.publish([instance('a')]);
    await clock.advance(4000);
    store.fail(down());
    await clock.advance(5999);
    store.fail(down());
    expect(told).toEqual(['1: a', '1: a (the registry is down)']);
    await clock.advance(1);
    expect(told.slice(2)).toEqual(['unknown (the registry is down)']);
    store.publish([instance('a')]);
    expect(told.slice(3)).toEqual(['2: a']);
    expect(clock.pending).toBe(0);
  });

  it('restores what a former process heard, until the registry has the word', () => {
    const { store, told } = open();
    store.fail(down());
    store.restore([instance('a')], 1000);
    expect(store.view).toMatchObject({ isFromCache: true, confirmedAt: 1000 });
    store.publish([instance('a')]);
    expect(store.view).not.toHaveProperty('isFromCache');
    store.restore([instance('b')], 1000);
    expect(told).toEqual(['unknown (the registry is down)', '1: a (the registry is down)', '1: a']);
  });
});
