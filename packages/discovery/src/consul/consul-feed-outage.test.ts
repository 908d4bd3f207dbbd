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
  watch.subscribe(({ instances, failure }) => {
    const ids = instances.map(({ id }) => id).join();
    told.push(failure === undefined ? ids : `${ids} failed`);
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
    expect(outage.told).toEqual(['a,b', 'a,b failed', 'a,b']);
  });

  it('counts the 15 s anew after a second outage', async () => {
    await using outage = await open();
    await outage.restart();
    await outage.clock.advance(10_000);
    await outage.restart();
    await outage.clock.advance(14_999);
    expect(outage.told).toEqual(['a,b', 'a,b failed', 'a,b', 'a,b failed', 'a,b']);
    await outage.clock.advance(1);
    expect(outage.told.at(-1)).toBe('');
  });

  it('empties nothing while an outage lasts that began in those 15 s', async () => {
    await using outage = await open();
    await outage.restart();
    outage.fake.react = () => ({ status: 500 });
    outage.fake.publish('metadata', []);
    await outage.hear();
    outage.fake.react = () => ({ drop: 'hang' });
    await outage.clock.advance(60_000);
    expect(outage.watch.snapshot?.instances).toHaveLength(2);
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
    expect(ending.clock.nextInMs).toBe(0);
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
