import { ManualClock, until } from '@movies/time/testing';
import { ConsulRegistry } from './consul-registry';
import { FakeConsul } from '../testing/fake-consul';

function at(...ids: string[]) {
  return ids.map((ID) => ({ ID, Address: '10.0.0.1', Port: 8081 }));
}

/** A watch that knows `a` and `b`, waits for what changes, and notes each set that it is told. */
async function open() {
  const fake = await FakeConsul.start();
  const clock = new ManualClock();
  const registry = new ConsulRegistry({ agents: [fake.address], clock, random: () => 0 });
  fake.publish('metadata', at('a', 'b'));
  const watch = registry.watch('metadata');
  const told: string[] = [];
  watch.subscribe((view) => {
    if (view.state !== 'known') return;
    const ids = view.instances.map(({ id }) => id.replace('fake/', '')).join();
    told.push(view.failure === undefined ? ids : `${ids} failed`);
  });
  await until(() => fake.calls.length === 2);
  return {
    fake,
    clock,
    registry,
    watch,
    told,
    /** The agent restarts empty; resolves when the watch has its first answer after that. */
    restart: async () => {
      const count = told.length;
      fake.restartEmpty();
      await until(() => told.length === count + 1);
      await clock.advance(1000);
      await until(() => told.length === count + 2);
    },
    /** Lets the watch ask again once it has heard the last answer. */
    ask: async () => {
      const next = fake.nextQuery('metadata');
      await until(() => (clock.nextInMs ?? Number.POSITIVE_INFINITY) <= 1000);
      await clock.advance(1000);
      await next;
    },
    /** Lets the watch ask again, and resolves when it has been told something. */
    hear: async () => {
      const count = told.length;
      await clock.advance(1000);
      await until(() => told.length > count);
    },
    [Symbol.asyncDispose]: async () => {
      await registry.close();
      await fake.stop();
    },
  };
}

describe('a watch at Consul after an outage', () => {
  it('keeps what an agent that came back empty does not know, for 15 s', async () => {
    await using outage = await open();
    await outage.restart();
    expect(outage.told).toEqual(['a,b', 'a,b failed', 'a,b']);
    await outage.clock.advance(14_999);
    expect(outage.told).toHaveLength(3);
    await outage.clock.advance(1);
    expect(outage.told).toEqual(['a,b', 'a,b failed', 'a,b', '']);
  });

  it.each([
    ['its 15 s are over', [], 15_000],
    ['it is registered again', ['a', 'b'], 1000],
  ])('says that it keeps something, until %s', async (_, ids, afterMs) => {
    await using outage = await open();
    const note = () => (outage.watch.view.state === 'known' ? outage.watch.view.note : 'unknown');
    expect(note()).toBeUndefined();
    await outage.restart();
    expect(note()).toBe(
      'Consul does not list every instance that it listed before it failed: those are kept for up to 15 s',
    );
    outage.fake.publish('metadata', at(...ids));
    await outage.clock.advance(afterMs);
    await until(() => note() === undefined);
    expect(outage.told.at(-1)).toBe(ids.join());
  });

  it('takes in at once what is new or changed, and after 15 s has what is registered', async () => {
    await using outage = await open();
    await outage.restart();
    outage.fake.publish('metadata', at('a', 'c'));
    await outage.hear();
    await outage.clock.advance(15_000);
    expect(outage.told).toEqual(['a,b', 'a,b failed', 'a,b', 'a,b,c', 'a,c']);
  });

  it('never loses an instance that registers again in time', async () => {
    await using outage = await open();
    await outage.restart();
    outage.fake.publish('metadata', at('b', 'a'));
    await outage.ask();
    await outage.ask();
    await outage.clock.advance(15_000);
    // The last is told since nothing is kept any more.
    expect(outage.told).toEqual(['a,b', 'a,b failed', 'a,b', 'a,b']);
  });

  it('counts the 15 s once, whatever fails meanwhile', async () => {
    await using outage = await open();
    await outage.restart();
    await outage.clock.advance(10_000);
    await outage.restart();
    await outage.clock.advance(3999);
    expect(outage.told).toEqual(['a,b', 'a,b failed', 'a,b', 'a,b failed', 'a,b']);
    await outage.clock.advance(1);
    expect(outage.told.at(-1)).toBe('');
  });

  it('counts them for each instance', async () => {
    await using outage = await open();
    await outage.restart();
    outage.fake.publish('metadata', at('b'));
    await outage.ask();
    await outage.clock.advance(9000);
    await until(() => outage.fake.calls.length === 5);
    await outage.restart();
    await outage.clock.advance(4000);
    expect(outage.told.at(-1)).toBe('b');
    await outage.clock.advance(11_000);
    expect(outage.told.at(-1)).toBe('');
  });

  it('ends with what is registered when one query fails each 10 s of a rollout', async () => {
    await using outage = await open();
    for (let round = 0; round < 20; round += 1) {
      outage.fake.restartEmpty();
      outage.fake.publish('metadata', at(`new-${round}`));
      for (let second = 0; second < 10; second += 1) {
        await outage.clock.advance(1000);
        await new Promise(setImmediate);
      }
    }
    await outage.clock.advance(15_000);
    await until(() => outage.told.at(-1) === 'new-19');
    const largest = Math.max(...outage.told.map((ids) => ids.split(',').length));
    expect(largest).toBeLessThanOrEqual(4);
  });

  it('removes nothing while no response comes', async () => {
    await using outage = await open();
    outage.fake.react = () => ({ drop: 'reset' });
    outage.fake.disconnect();
    await until(() => outage.told.length === 2);
    for (let second = 0; second < 600; second += 1) await outage.clock.advance(1000);
    expect(outage.told).toEqual(['a,b', 'a,b failed']);
  });

  it('removes nothing during an outage that began in those 15 s, and all of it with the next response', async () => {
    await using outage = await open();
    await outage.restart();
    outage.fake.react = () => ({ status: 500 });
    outage.fake.publish('metadata', []);
    await outage.hear();
    await outage.clock.advance(60_000);
    expect(outage.told.at(-1)).toBe('a,b failed');
    outage.fake.react = () => undefined;
    await outage.clock.advance(30_000);
    await until(() => outage.told.at(-1) === '');
  });

  it('takes out at once what deregisters when there was no outage', async () => {
    await using outage = await open();
    outage.fake.publish('metadata', at('b'));
    await until(() => outage.told.length === 2);
    expect(outage.told).toEqual(['a,b', 'b']);
  });
});

describe('the end of a watch at Consul', () => {
  it('comes during a blocking query, and leaves no timer and no connection', async () => {
    await using ending = await open();
    const waiting = ending.watch.close();
    await waiting;
    expect(ending.clock.pending).toBe(0);
    await ending.registry.close();
    await ending.fake.idle();
    expect(ending.told).toEqual(['a,b']);
  });

  it('comes while it backs off', async () => {
    await using ending = await open();
    ending.fake.disconnect();
    await until(() => ending.told.length === 2);
    await until(() => ending.clock.pending === 1);
    await ending.registry.close();
    expect(ending.clock.pending).toBe(0);
    expect(ending.told).toEqual(['a,b', 'a,b failed']);
  });

  it('comes while it holds what an agent forgot', async () => {
    await using ending = await open();
    await ending.restart();
    await ending.registry.close();
    expect(ending.clock.pending).toBe(0);
  });

  it('comes while it waits for its turn to ask', async () => {
    await using ending = await open();
    ending.fake.publish('metadata', at('a'));
    await until(() => ending.clock.nextInMs === 1000);
    await ending.registry.close();
    expect([ending.clock.pending, ending.fake.calls.length]).toEqual([0, 2]);
  });
});
