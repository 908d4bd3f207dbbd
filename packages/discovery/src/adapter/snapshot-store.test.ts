import { DiscoveryError } from '../discovery-error';
import { createInstance, type Instance, type InstanceFields } from '../instance';
import { ManualClock } from '@movies/time/testing';
import type { Snapshot } from '../snapshot';
import { SnapshotStore } from './snapshot-store';

const instance = (id: string, more: Partial<InstanceFields> = {}) =>
  createInstance({ id, service: 'metadata', host: 'localhost', port: 8081, ...more });

const down = (message = 'the registry is down') =>
  new DiscoveryError('registry_unavailable', message);

function open() {
  const clock = new ManualClock();
  const store = new SnapshotStore('metadata', clock);
  const told: string[] = [];
  store.subscribe((snapshot) => told.push(describeSnapshot(snapshot)));
  return { clock, store, told };
}

/** `1: a b (why it may be old)` */
function describeSnapshot({ version, instances, failure }: Snapshot): string {
  const ids = instances.map(({ id }) => id).join(' ');
  return `${version}: ${ids}${failure === undefined ? '' : ` (${failure.message})`}`;
}

describe('SnapshotStore', () => {
  it('knows nothing before the first set, and an empty first set is known to be empty', () => {
    const { store, told, clock } = open();
    expect([store.snapshot, told]).toEqual([undefined, []]);
    store.publish([]);
    expect(told).toEqual(['1: ']);
    const syncedAt = clock.now();
    expect(store.snapshot).toEqual({ service: 'metadata', version: 1, instances: [], syncedAt });
  });

  it('says why a set is empty, tells a new reason without a new version, and none beside a member', () => {
    const { store } = open();
    const told: unknown[] = [];
    store.subscribe(({ version, emptyBecause }) => told.push([version, emptyBecause]));
    store.publish([], 'no such name');
    store.publish([], 'no such name');
    store.publish([], 'no address');
    store.publish([]);
    store.publish([instance('a')], 'no address');
    expect(told).toEqual([
      [1, 'no such name'],
      [1, 'no address'],
      [1, undefined],
      [2, undefined],
    ]);
    expect(store.snapshot).not.toHaveProperty('emptyBecause');
  });

  it('keeps why a set is empty under a failure', () => {
    const { store } = open();
    store.publish([], 'no such name');
    store.fail(down(), 'reset');
    expect(store.snapshot).toMatchObject({ emptyBecause: 'no such name', failure: down() });
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
    const first = store.snapshot?.instances;
    store.publish([instance('b'), instance('a')]);
    expect(store.snapshot?.instances).toBe(first);
    store.publish([instance('a'), instance('b', { weight: 2 })]);
    expect(store.snapshot?.instances[0]).toBe(first?.[0]);
    expect(store.snapshot?.instances[1]).not.toBe(first?.[1]);
  });

  it.each([
    ['in order', (set: Instance[]) => set],
    ['in any order', (set: Instance[]) => set.toReversed()],
  ])('keeps the identity of those that stay, whoever comes and goes: %s', (_, arrange) => {
    const { store, told } = open();
    const publish = (ids: string) => {
      store.publish(arrange(Array.from(ids, (id) => instance(id))));
      return new Map(store.snapshot?.instances.map((each) => [each.id, each]));
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
    expect(store.snapshot).toMatchObject({ version: 1, syncedAt: clock.now() });
  });

  it('freezes a snapshot and all in it, also what an adapter did not freeze', () => {
    const { store } = open();
    store.publish([{ ...instance('a') }]);
    const { snapshot } = store;
    const parts = [snapshot, snapshot?.instances, snapshot?.instances[0]];
    expect(parts.map((part) => Object.isFrozen(part))).toEqual([true, true, true]);
    store.fail(down(), 'reset');
    expect(Object.isFrozen(store.snapshot)).toBe(true);
  });

  it.each([
    ['ready', 'draining'],
    ['ready', 'not_ready'],
    ['draining', 'not_ready'],
  ] as const)('keeps %s rather than %s when an id comes twice', (better, worse) => {
    const { store } = open();
    store.publish([instance('a', { state: worse }), instance('a', { state: better })]);
    expect(store.snapshot?.instances.map(({ state }) => state)).toEqual([better]);
    store.publish([instance('a', { state: better }), instance('a', { state: worse })]);
    expect(store.snapshot?.version).toBe(1);
  });

  it('keeps the last good set under a failure, told once for each change', async () => {
    const { store, told, clock } = open();
    store.publish([instance('a')]);
    const syncedAt = clock.now();
    await clock.advance(1000);
    store.fail(down(), 'reset');
    store.fail(down(), 'reset');
    store.fail(down('it has no leader'), 'stale');
    expect(store.snapshot).toMatchObject({ syncedAt, failure: { message: 'it has no leader' } });
    store.publish([instance('a')]);
    expect(told).toEqual([
      '1: a',
      '1: a (the registry is down)',
      '1: a (it has no leader)',
      '1: a',
    ]);
    expect([store.failure, store.snapshot?.failure]).toEqual([undefined, undefined]);
  });

  it('counts every failure by reason, before the first set too, and makes no set of one', () => {
    const { store, told } = open();
    store.fail(down(), 'reset');
    store.fail(down(), 'reset');
    store.fail(down(), 'timeout');
    expect([...store.restarts]).toEqual([
      ['reset', 2],
      ['timeout', 1],
    ]);
    expect([store.snapshot, store.failure?.message, told]).toEqual([
      undefined,
      'the registry is down',
      [],
    ]);
  });

  it('tells a new listener the present snapshot at once, and nobody after it has left', () => {
    const { store } = open();
    store.publish([instance('a')]);
    const told: string[] = [];
    const unsubscribe = store.subscribe((snapshot) => told.push(describeSnapshot(snapshot)));
    unsubscribe();
    unsubscribe();
    store.publish([]);
    expect(told).toEqual(['1: a']);
  });

  it('lets the same listener subscribe twice', () => {
    const store = new SnapshotStore('metadata', new ManualClock());
    const told: number[] = [];
    const listener = ({ version }: Snapshot) => told.push(version);
    const unsubscribe = store.subscribe(listener);
    store.subscribe(listener);
    unsubscribe();
    store.publish([]);
    expect(told).toEqual([1]);
  });

  it('does not tell a listener that another one has just taken out', () => {
    const store = new SnapshotStore('metadata', new ManualClock());
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

  it('ends with the newest set for everyone when a listener causes the next one', () => {
    const store = new SnapshotStore('metadata', new ManualClock());
    const told: number[] = [];
    store.subscribe(({ version }) => {
      if (version === 1) store.publish([instance('a')]);
    });
    store.subscribe(({ version }) => told.push(version));
    store.publish([]);
    expect(told).toEqual([2]);
  });

  it('reports a listener that throws as a warning, and tells the others', () => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation();
    const { store, told } = open();
    store.subscribe(() => {
      throw new Error('a bad listener');
    });
    const others: number[] = [];
    store.subscribe(({ version }) => others.push(version));
    store.publish([]);
    const warnings = emitWarning.mock.calls;
    emitWarning.mockRestore();
    expect([told, others]).toEqual([['1: '], [1]]);
    expect(warnings).toEqual([
      [
        "a listener of service 'metadata' threw: Error: a bad listener",
        { code: 'DISCOVERY_LISTENER', detail: expect.stringContaining('.test.ts') as string },
      ],
    ]);
  });
});
