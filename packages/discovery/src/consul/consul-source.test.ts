import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock, until } from '@movies/time/testing';
import { failureOf, type View } from '../view';
import { ConsulRegistry, type ConsulRegistryOptions } from './consul-registry';
import { FakeConsul, type Reaction } from '../testing/fake-consul';

const filtered: Reaction = {
  atOnce: true,
  headers: { 'x-consul-results-filtered-by-acls': 'true' },
};

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
function open(
  agents: readonly FakeConsul[],
  draw = 0,
  options: Partial<ConsulRegistryOptions> = {},
) {
  const clock = new ManualClock();
  const registry = new ConsulRegistry({
    agents: agents.map(({ address }) => address),
    clock,
    random: () => draw,
    ...options,
  });
  closing.push(() => registry.close());
  const watch = registry.watch('metadata');
  const told: string[] = [];
  watch.subscribe((view) => told.push(idsOf(view)));
  return { clock, registry, watch, told };
}

/** The ids, without the node of the fake. */
function idsOf(view: View): string {
  if (view.state === 'closed') return 'closed';
  const ids =
    view.state === 'unknown'
      ? 'unknown'
      : view.instances.map(({ id }) => id.replace('fake/', '')).join();
  return ids + (view.failure === undefined ? '' : ' failed');
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
      await Promise.all(watches.map((other) => other.synced()));
      expect(idsOf(watch.view)).toBe('a');
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
    ['lost', { drop: 'reset' }],
    ['http_500', { status: 500, body: 'No cluster leader' }],
    ['http_400', { status: 400, body: 'Bad request' }],
    ['http_403', { status: 403, body: 'Permission denied' }],
    ['http_429', { status: 429, body: 'Too many requests' }],
    ['filtered', filtered],
    ['stale', { atOnce: true, lastContactMs: 10_001 }],
    ['stale', { atOnce: true, knownLeader: false }],
    ['malformed', { status: 200, body: '{' }],
    ['malformed', { status: 200, body: '[{}]' }],
  ])('after %s (%j) keeps its set, and asks without an index', async (reason, reaction) => {
    const fake = await start();
    fake.publish('metadata', at('a'));
    fake.react = ({ query }) => (query.has('index') ? reaction : undefined);
    const { clock, watch, told } = open([fake]);
    await until(() => failureOf(watch.view) !== undefined);
    expect(failureOf(watch.view)?.message).toMatch(/^watching 'metadata': /);
    expect(told).toEqual(['a', 'a failed']);
    expect([...watch.failures]).toEqual([[reason, 1]]);
    fake.react = () => undefined;
    const next = fake.nextQuery('metadata');
    await until(() => clock.pending === 1);
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
    await watch.synced();
    fake.publish('metadata', at('a', 'b'));
    await until(() => told.length === 2);
    expect(told).toEqual(['a', 'a,b']);
    expect(watch.failures.size).toBe(0);
  });

  it.each<[string, Reaction, string[]]>([
    ['keeps its set', { status: 403, body: 'ACL not found' }, ['a,b', 'a,b failed']],
    ['keeps its set, if that leaves out too', filtered, ['a,b', 'a,b failed']],
    ['takes its word', {}, ['a,b', '']],
  ])(
    'asks another backend when streaming lacks instances under ACLs, and %s',
    async (_, reaction, expected) => {
      const fake = await start();
      const acl = { 'x-consul-default-acl-policy': 'deny' };
      fake.react = () => ({ backend: 'streaming', headers: acl });
      const { told } = await following(fake, ['a', 'b']);
      fake.react = ({ query }) =>
        query.has('index') ? { backend: 'streaming', headers: acl } : reaction;
      fake.publish('metadata', []);
      await until(() => told.length === 2);
      expect(told).toEqual(expected);
    },
  );

  it('takes streaming at its word where there are no ACLs', async () => {
    const fake = await start();
    fake.react = () => ({
      backend: 'streaming',
      headers: { 'x-consul-default-acl-policy': 'allow' },
    });
    const { told } = await following(fake, ['a', 'b']);
    const asked = fake.queries('metadata').length;
    fake.publish('metadata', at('a'));
    await until(() => told.length === 2);
    expect([told, fake.queries('metadata').length - asked <= 1]).toEqual([['a,b', 'a'], true]);
  });

  it('tells one failure once, however old the stale answers say they are', async () => {
    const fake = await start();
    const { clock, watch, told } = await following(fake, ['a']);
    let lastContactMs = 20_000;
    fake.react = () => ({ atOnce: true, lastContactMs: (lastContactMs += 1000) });
    fake.publish('metadata', at('a'));
    for (let count = 1; count <= 3; count += 1) {
      await clock.advance(1000);
      await until(() => (watch.failures.get('stale') ?? 0) >= count);
    }
    expect(told).toEqual(['a', 'a failed']);
  });

  it.each([
    ['that closes connections', { drop: 'reset' }, [800, 1600, 3200, 5000, 5000]],
    ['that answers 500', { status: 500 }, [800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]],
  ] as const)('backs off from an agent %s within bounds', async (_, reaction, bounds) => {
    const fake = await start();
    fake.react = () => reaction;
    const { clock, watch } = open([fake], 1);
    const waits: (number | undefined)[] = [];
    for (const [i] of bounds.entries()) {
      await until(() => [...watch.failures.values()][0] === i + 1);
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
      await until(() => watch.failures.get('http_500') === i);
      if (i === 4) fake.react = ({ query }) => (query.has('index') ? { status: 500 } : undefined);
      await clock.advance(clock.nextInMs ?? 0);
    }
    await until(() => watch.failures.get('http_500') === 5);
    expect(clock.nextInMs).toBe(800);
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
    await until(() => watch.failures.has('silent'));
    expect(failureOf(watch.view)?.message).toMatch(
      `does not answer: no answer within ${limitMs} ms`,
    );
  });

  it.each<[string, Reaction]>([
    ['closes connections', { drop: 'reset' }],
    ['has no leader', { status: 500, body: 'No cluster leader' }],
    ['is stale', { lastContactMs: 10_001 }],
    ['knows of no leader', { knownLeader: false }],
    ['sends what is no list', { status: 200, body: '<html>' }],
    ['refuses', { status: 403, body: 'Permission denied' }],
    ['leaves out', filtered],
    ['asks for time', { status: 429, headers: { 'retry-after': '60' } }],
    ['is another server', { status: 301, headers: { location: '/' } }],
  ])('goes on at the next agent when one %s', async (_, reaction) => {
    const [first, second] = [await start(), await start()];
    first.react = () => reaction;
    second.publish('metadata', at('a'));
    const { clock, watch, told } = open([first, second]);
    await until(() => watch.failures.size === 1);
    await clock.advance(0);
    await until(() => told.length === 2);
    expect([told, first.calls.length]).toEqual([['unknown failed', 'a'], 1]);
  });

  it('gives a silent agent 2 s where there is another, so that discover has its instances', async () => {
    const [first, second] = [await start(), await start()];
    first.react = () => ({ drop: 'hang' });
    second.publish('metadata', at('a'));
    const { clock, registry } = open([first, second]);
    const discovered = registry.discover('metadata');
    await until(() => first.calls.length === 1);
    await clock.advance(2000);
    expect((await discovered).map(({ id }) => id)).toEqual(['fake/a']);
  });

  it('waits as long as agents ask for once each of them did', async () => {
    const agents = [await start(), await start()];
    for (const agent of agents) {
      agent.react = () => ({ status: 429, headers: { 'retry-after': '7' } });
    }
    const { clock, watch } = open(agents);
    await until(() => watch.failures.get('http_429') === 2);
    expect(clock.nextInMs).toBe(7000);
  });

  it('begins at the next agent with every other service when an agent is at fault, and only then', async () => {
    const [first, second] = [await start(), await start()];
    first.react = ({ path }) => (path.endsWith('/secret') ? { status: 403 } : undefined);
    const { registry, watch } = open([first, second]);
    const secret = registry.watch('secret');
    await secret.synced();
    await watch.synced();
    await registry.watch('rating').synced();
    expect(first.queries('rating').length).toBeGreaterThan(0);
    expect(new Set(second.calls.map(({ path }) => path))).toEqual(
      new Set(['/v1/health/service/secret']),
    );
    first.react = () => ({ status: 500 });
    first.disconnect();
    await until(() => watch.failures.size === 1);
    await registry.watch('movie').synced();
    expect(first.queries('movie')).toEqual([]);
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

describe('what a watch asks Consul for', () => {
  it('is one datacenter, the tags and the filter, in every query', async () => {
    const fake = await start();
    fake.publish('metadata', [
      { ID: 'a', Address: '10.0.0.1', Port: 1, Tags: ['blue', 'b c'] },
      { ID: 'b', Address: '10.0.0.2', Port: 1, Tags: ['blue'] },
    ]);
    const { told } = open([fake], 0, {
      datacenter: 'west',
      tags: ['blue', 'b c'],
      filter: 'Service.Meta.version == "1"',
    });
    await until(() => fake.calls.length === 2);
    for (const { query } of fake.calls) {
      expect([query.getAll('dc'), query.getAll('tag'), query.getAll('filter')]).toEqual([
        ['west'],
        ['blue', 'b c'],
        ['Service.Meta.version == "1"'],
      ]);
    }
    expect(told).toEqual(['a']);
  });

  it.each([
    [55_000, 1, '49500ms'],
    [55_000, 0, '55000ms'],
    [600_000, 0, '600000ms'],
  ])('is a wait of %d ms or a tenth less: a draw of %d makes %s', async (maxWaitMs, draw, wait) => {
    const fake = await start();
    const { clock } = open([fake], draw, { maxWaitMs });
    await until(() => fake.calls.length === 2);
    expect(fake.calls[1]?.query.get('wait')).toBe(wait);
    expect(clock.nextInMs).toBe(Number.parseInt(wait, 10) * (1 + 1 / 16) + 5000);
  });
});

describe('what a watch at Consul says beside its set', () => {
  const folder = mkdtempSync(join(tmpdir(), 'consul-source-'));
  const tokenFile = join(folder, 'token');
  const deny = { headers: { 'x-consul-default-acl-policy': 'deny' } };

  beforeAll(() => {
    writeFileSync(tokenFile, 'a-token');
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it.each<[string, Partial<ConsulRegistryOptions>, Reaction, RegExp | undefined]>([
    ['nothing', {}, {}, undefined],
    ['that a token is missing', {}, deny, /^Consul shows nothing without a token .* no token file/],
    ['nothing of a token that is there', { tokenFile }, deny, undefined],
    ['what was asked for', { tags: ['blue'] }, {}, /^only instances with tag=blue were asked for$/],
  ])('says of an empty set %s', async (_, options, reaction, expected) => {
    const fake = await start();
    fake.react = () => reaction;
    const { watch } = open([fake], 0, options);
    const { emptyBecause } = await watch.synced();
    if (expected === undefined) expect(emptyBecause).toBeUndefined();
    else expect(emptyBecause).toMatch(expected);
  });

  it('says which entries are no instances', async () => {
    const fake = await start();
    const bad = { ID: 'bad', Address: '10.0.0.1', Port: 0 };
    const text = "entries without a usable address are left out: fake/bad at '10.0.0.1', port 0";
    fake.publish('metadata', [...at('a'), bad]);
    const { watch } = open([fake]);
    expect(await watch.synced()).toMatchObject({ note: text });
    fake.publish('rating', [bad]);
    const { registry } = open([fake]);
    expect(await registry.watch('rating').synced()).toMatchObject({ emptyBecause: text });
  });

  it('says what the token needs when Consul leaves instances out', async () => {
    const fake = await start();
    fake.react = () => filtered;
    const { watch } = open([fake]);
    await expect(watch.synced({ failFast: true })).rejects.toThrow(
      "watching 'metadata': Consul leaves out instances that the token may not read: " +
        "it needs service:read on 'metadata' and node:read on its nodes",
    );
  });
});
