import { ManualClock, until } from '@movies/time/testing';
import type { Snapshot } from '../snapshot';
import { ConsulRegistry } from './consul-registry';
import { FakeConsul, type Reaction } from '../testing/fake-consul';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  while (closing.length > 0) await closing.pop()?.();
});

async function start(): Promise<FakeConsul> {
  const fake = await FakeConsul.start();
  closing.push(() => fake.stop());
  return fake;
}

/** A registry on these agents whose draws are all `draw`, and what its watch of 'metadata' tells. */
function open(agents: readonly FakeConsul[], draw = 0) {
  const clock = new ManualClock();
  const registry = new ConsulRegistry({
    agents: agents.map(({ address }) => address),
    clock,
    random: () => draw,
  });
  closing.push(() => registry.close());
  const watch = registry.watch('metadata');
  const told: string[] = [];
  watch.subscribe((snapshot) => told.push(idsOf(snapshot)));
  return { clock, registry, watch, told };
}

function idsOf({ instances, failure }: Snapshot): string {
  return instances.map(({ id }) => id).join() + (failure === undefined ? '' : ' failed');
}

function at(...ids: string[]) {
  return ids.map((ID) => ({ ID, Address: '10.0.0.1', Port: 8081 }));
}

/** Publishes the ids at the agent, and resolves when a new watch of it waits for what changes. */
async function following(fake: FakeConsul, ids: string[], draw?: number) {
  fake.publish('metadata', at(...ids));
  const opened = open([fake], draw);
  await until(() => fake.queries('metadata').length === 2);
  return opened;
}

describe('a watch at Consul', () => {
  it('costs one blocking query, however many watch, discover and read', async () => {
    const fake = await start();
    const { registry, watch } = await following(fake, ['a'], 0.5);
    const watches = [registry.watch('metadata'), registry.watch('metadata')];
    for (let i = 0; i < 100; i += 1) {
      await registry.discover('metadata');
      await Promise.all(watches.map((other) => other.firstSync()));
      expect(watch.snapshot?.instances).toHaveLength(1);
    }
    const queries = fake.queries('metadata').map(({ query }) => query.toString());
    expect(queries).toEqual(['stale=', 'stale=&index=11&wait=57000ms']);
  });

  it('tells a change, and waits for the next one after its index', async () => {
    const fake = await start();
    const { clock, told } = await following(fake, ['a']);
    fake.publish('metadata', at('a', 'b'));
    await until(() => told.length === 2);
    const next = fake.nextQuery('metadata');
    await clock.advance(1000);
    expect((await next).query.get('index')).toBe('12');
    expect(told).toEqual(['a', 'a,b']);
  });

  it('asks without an index after one that ran backwards', async () => {
    const fake = await start();
    fake.react = ({ query }) => (query.has('index') ? { atOnce: true, index: 3 } : undefined);
    const { clock, told } = await following(fake, ['a']);
    const next = fake.nextQuery('metadata');
    await until(() => clock.nextInMs === 1000);
    await clock.advance(1000);
    expect((await next).query.has('index')).toBe(false);
    expect(told).toEqual(['a']);
  });

  it('takes an index below one for one', async () => {
    const fake = await start();
    fake.react = () => ({ index: 0 });
    await following(fake, ['a']);
    expect(fake.queries('metadata').map(({ query }) => query.get('index'))).toEqual([null, '1']);
  });

  it('asks twice at once and then once a second when every answer comes at once', async () => {
    const fake = await start();
    fake.react = () => ({ atOnce: true });
    const { clock, told } = await following(fake, ['a']);
    for (let second = 1; second <= 10; second += 1) {
      await until(() => clock.nextInMs === 1000);
      expect(fake.queries('metadata')).toHaveLength(1 + second);
      const next = fake.nextQuery('metadata');
      await clock.advance(1000);
      await next;
    }
    expect(told).toEqual(['a']);
  });

  it.each<[reason: string, Reaction]>([
    ['unreachable', { drop: 'reset' }],
    ['http_500', { status: 500, body: 'No cluster leader' }],
    ['http_400', { status: 400, body: 'Bad request' }],
    ['http_403', { status: 403, body: 'Permission denied' }],
    ['http_429', { status: 429, body: 'Too many requests' }],
    ['stale', { atOnce: true, lastContactMs: 10_001 }],
    ['stale', { atOnce: true, knownLeader: false }],
    ['bad_answer', { status: 200, body: '{' }],
  ])('after %s (%j) keeps its set, and asks without an index', async (reason, reaction) => {
    const fake = await start();
    fake.publish('metadata', at('a'));
    fake.react = ({ query }) => (query.has('index') ? reaction : undefined);
    const { clock, watch, told } = open([fake]);
    await until(() => watch.failure !== undefined);
    expect(watch.failure?.message).toMatch(/^watching 'metadata': /);
    expect(told).toEqual(['a', 'a failed']);
    expect([...watch.restarts]).toEqual([[reason, 1]]);
    fake.react = () => undefined;
    const next = fake.nextQuery('metadata');
    await until(() => clock.nextInMs === 0);
    await clock.advance(1000);
    expect((await next).query.has('index')).toBe(false);
    await until(() => told.length === 3);
    expect(told).toEqual(['a', 'a failed', 'a']);
  });

  it('takes the streaming backend at its word, which never knows of a leader', async () => {
    const fake = await start();
    fake.publish('metadata', at('a'));
    fake.react = () => ({ backend: 'streaming', knownLeader: false });
    const { watch, told } = open([fake]);
    await watch.firstSync();
    fake.publish('metadata', at('a', 'b'));
    await until(() => told.length === 2);
    expect(told).toEqual(['a', 'a,b']);
    expect(watch.restarts.size).toBe(0);
  });

  it('tells one failure once, however old the stale answers say they are', async () => {
    const fake = await start();
    const { clock, watch, told } = await following(fake, ['a']);
    let lastContactMs = 20_000;
    fake.react = () => ({ atOnce: true, lastContactMs: (lastContactMs += 1000) });
    fake.publish('metadata', at('a'));
    for (let count = 1; count <= 3; count += 1) {
      await clock.advance(1000);
      await until(() => (watch.restarts.get('stale') ?? 0) >= count);
    }
    expect(told).toEqual(['a', 'a failed']);
  });

  it.each([
    ['that closes connections', { drop: 'reset' }, [1000, 2000, 4000, 5000, 5000, 5000, 5000]],
    ['that answers 500', { status: 500 }, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]],
  ] as const)('backs off from an agent %s within bounds', async (_, reaction, bounds) => {
    const fake = await start();
    fake.react = () => reaction;
    const { clock, watch } = open([fake], 1);
    const waits: (number | undefined)[] = [];
    for (const [i] of bounds.entries()) {
      await until(() => [...watch.restarts.values()][0] === i + 1);
      waits.push(clock.nextInMs);
      await clock.advance(clock.nextInMs ?? 0);
    }
    expect(waits).toEqual(bounds);
  });

  it('begins to back off anew after an answer', async () => {
    const fake = await start();
    fake.react = () => ({ status: 500 });
    const { clock, watch } = open([fake], 1);
    for (let i = 1; i <= 4; i += 1) {
      await until(() => watch.restarts.get('http_500') === i);
      if (i === 4) fake.react = ({ query }) => (query.has('index') ? { status: 500 } : undefined);
      await clock.advance(clock.nextInMs ?? 0);
    }
    await until(() => watch.restarts.get('http_500') === 5);
    expect(clock.nextInMs).toBe(1000);
  });

  it.each([
    ['5 s for the present set', 0, 5000],
    ['a wait, a sixteenth of it and 5 s for a change', 1, 54_000 * (1 + 1 / 16) + 5000],
  ])('gives a silent agent %s', async (_, answers, limitMs) => {
    const fake = await start();
    fake.react = () => (fake.calls.length >= answers ? { drop: 'hang' } : undefined);
    const { clock, watch } = open([fake], 1);
    await until(() => fake.calls.length === answers + 1);
    expect(clock.nextInMs).toBe(limitMs);
    await clock.advance(limitMs);
    await until(() => watch.restarts.has('timeout'));
    expect(watch.failure?.message).toMatch(`does not answer: no answer within ${limitMs} ms`);
  });

  it.each<[string, Reaction]>([
    ['closes connections', { drop: 'reset' }],
    ['has no leader', { status: 500, body: 'No cluster leader' }],
  ])('goes on at the next agent when one %s', async (_, reaction) => {
    const [first, second] = [await start(), await start()];
    first.react = () => reaction;
    second.publish('metadata', at('a'));
    const { clock, watch, told } = open([first, second]);
    await until(() => watch.restarts.size === 1);
    await clock.advance(0);
    await until(() => told.length === 1);
    expect([told, first.calls.length]).toEqual([['a'], 1]);
  });

  it('stays at the next agent when the first one is back, until that fails too', async () => {
    const [first, second] = [await start(), await start()];
    first.publish('metadata', at('first'));
    second.publish('metadata', at('second'));
    const { clock, told } = open([first, second]);
    await until(() => first.calls.length === 2);
    first.disconnect();
    await until(() => told.length === 2);
    await clock.advance(1000);
    await until(() => told.length === 3);
    expect(told).toEqual(['first', 'first failed', 'first,second']);
    await clock.advance(1000);
    await until(() => second.calls.length === 2);
    second.disconnect();
    await until(() => told.length === 4);
    await clock.advance(1000);
    await until(() => first.calls.length === 3);
  });
});
