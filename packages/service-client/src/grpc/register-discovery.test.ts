import { status, type ChannelOptions } from '@grpc/grpc-js';
import type { Registry } from '@movies/discovery';
import { MemoryRegistry } from '@movies/discovery/memory';
import { StaticRegistry } from '@movies/discovery/static';
import { until } from '@movies/time/testing';
import { openTold } from '../../../discovery/src/testing/told-registry';
import { PublishedRegistry } from '../testing/published-registry';
import { DiscoveryResolver } from './discovery-resolver';
import { registerDiscovery } from './register-discovery';
import { instanceAt, RatingProcess, Ratings, RatingServer } from './testing/rating-server';

const open: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function serve(...ids: string[]): Promise<RatingServer[]> {
  const servers = await Promise.all(ids.map((id) => RatingServer.start(id)));
  open.push(() => {
    for (const server of servers) server.kill();
  });
  return servers;
}

/** A client by way of `registry`, which is closed after it. */
function call(registry: Registry, options?: ChannelOptions, target = 'discovery:///rating') {
  registerDiscovery(registry);
  const ratings = new Ratings(target, options);
  open.push(
    () => registry.close(),
    () => {
      ratings.close();
    },
  );
  return ratings;
}

function published(servers: readonly RatingServer[]): PublishedRegistry {
  const registry = new PublishedRegistry();
  registry.publish(servers.map((server) => server.instance()));
  return registry;
}

async function read(ratings: Ratings, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await ratings.read();
}

async function readUntil(ratings: Ratings, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error('it did not come to be within 5 s');
    await ratings.read();
  }
}

/** Reads, four at a time, until it is told to stop; resolves with the number of reads. Rejects if one fails. */
function readOn(ratings: Ratings): { stop: () => Promise<number> } {
  let isOver = false;
  let count = 0;
  const loops = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      await ratings.read();
      count += 1;
    }
  });
  const all = Promise.all(loops);
  all.catch(() => undefined);
  return {
    stop: async () => {
      isOver = true;
      await all;
      return count;
    },
  };
}

const retries = {
  'grpc.service_config': JSON.stringify({
    methodConfig: [
      {
        name: [{ service: 'shop.Rating', method: 'Read' }],
        retryPolicy: {
          maxAttempts: 3,
          initialBackoff: '0.01s',
          maxBackoff: '0.1s',
          backoffMultiplier: 2,
          retryableStatusCodes: ['UNAVAILABLE'],
        },
      },
    ],
  }),
};

const withPolicy = (policy: object): ChannelOptions => ({
  'grpc.service_config': JSON.stringify({ loadBalancingConfig: [policy] }),
});

const outlierDetection = {
  outlier_detection: {
    interval: { seconds: 1, nanos: 0 },
    base_ejection_time: { seconds: 5, nanos: 0 },
    failure_percentage_ejection: { threshold: 50, minimum_hosts: 2, request_volume: 10 },
    child_policy: [{ round_robin: {} }],
  },
};

test('the calls of a channel go to all instances in turn', async () => {
  const servers = await serve('a', 'b', 'c');
  const ratings = call(published(servers));
  // Until all are connected those that are get the calls.
  await readUntil(ratings, () => servers.every(({ calls }) => calls > 0));
  const before = servers.map(({ calls }) => calls);
  await read(ratings, 30);
  expect(servers.map(({ calls }, i) => calls - (before[i] ?? 0))).toEqual([10, 10, 10]);
});

test('a new instance gets calls as soon as it is connected, and of those that go none fails', async () => {
  const servers = await serve('a', 'b', 'c', 'd');
  const registry = published(servers.slice(0, 3));
  const ratings = call(registry);
  const reading = readOn(ratings);
  await until(() => servers.slice(0, 3).every(({ calls }) => calls > 0));

  const fourth = servers[3];
  registry.publish(servers.map((server) => server.instance()));
  const publishedAt = performance.now();
  await until(() => (fourth?.calls ?? 0) > 0);
  expect(performance.now() - publishedAt).toBeLessThan(1000);

  registry.publish(servers.slice(2).map((server) => server.instance()));
  const gone = servers.slice(0, 2);
  // A connection that is left over would hold them up.
  await Promise.all(gone.map((server) => server.stop()));
  const calls = gone.map((server) => server.calls);
  expect(await reading.stop()).toBeGreaterThan(0);
  await read(ratings, 10);
  expect(gone.map((server) => server.calls)).toEqual(calls);
});

test('an instance that drains gets nothing new, and finishes the call under way', async () => {
  const servers = await serve('a', 'b');
  const [a, b] = servers as [RatingServer, RatingServer];
  const registry = published([a]);
  const ratings = call(registry);
  let release: () => void = () => undefined;
  a.held = new Promise((resolve) => {
    release = resolve;
  });
  const underWay = ratings.read();
  await until(() => a.calls === 1);
  registry.publish([a.instance('draining'), b.instance()]);
  await read(ratings, 5);
  release();
  await expect(underWay).resolves.toBe('rating');
  expect([a.calls, b.calls]).toEqual([1, 5]);
});

test('with a retryPolicy no read fails when an instance is killed and the registry does not know', async () => {
  const servers = await serve('a', 'b');
  const killed = await RatingProcess.start('c');
  open.push(() => killed.kill());
  const registry = new PublishedRegistry();
  registry.publish([...servers.map((server) => server.instance()), killed.instance()]);
  const ratings = call(registry, retries);
  const reading = readOn(ratings);
  await until(() => servers.every(({ calls }) => calls > 50));
  await killed.kill();
  const calls = servers.map((server) => server.calls);
  await until(() => servers.every((server, i) => server.calls > (calls[i] ?? 0) + 200));
  expect(await reading.stop()).toBeGreaterThan(500);
});

describe.each([
  ['round_robin, the default', undefined],
  ['outlier_detection', withPolicy(outlierDetection)],
])('with %s', (_name, options) => {
  test('calls of an empty set fail with the reason, and come back with the instances', async () => {
    const servers = await serve('a');
    const registry = published(servers);
    const ratings = call(registry, options);
    await ratings.read();
    registry.publish([]);
    const none = { code: status.UNAVAILABLE, details: "no instance of 'rating' is registered" };
    await expect(ratings.read()).rejects.toMatchObject(none);
    await expect(ratings.read()).rejects.toMatchObject(none);
    registry.publish(servers.map((server) => server.instance()));
    await expect(ratings.read()).resolves.toBe('rating');
  });

  test('calls fail when the registry is closed', async () => {
    const registry = published(await serve('a'));
    const ratings = call(registry, options);
    await ratings.read();
    await registry.close();
    await expect(ratings.read()).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: "'rating' is not watched any more: the registry is closed",
    });
  });

  test('calls fail with the failure of the registry, and come back with the instances', async () => {
    const servers = await serve('a');
    const registry = new PublishedRegistry();
    const ratings = call(registry, options);
    const waits = ratings.read();
    await settled();
    registry.fail('connection refused');
    const failed = {
      code: status.UNAVAILABLE,
      details: "the instances of 'rating' are not known: watching 'rating': connection refused",
    };
    await expect(waits).rejects.toMatchObject(failed);
    await expect(ratings.read()).rejects.toMatchObject(failed);
    registry.publish(servers.map((server) => server.instance()));
    await expect(ratings.read()).resolves.toBe('rating');
  });
});

describe('with pick_first, where the options name it', () => {
  const pickFirst = withPolicy({ pick_first: {} });

  test('one instance gets all calls, and another when that is gone', async () => {
    const [a, b] = (await serve('a', 'b')) as [RatingServer, RatingServer];
    const registry = published([a, b]);
    const ratings = call(registry, pickFirst);
    await read(ratings, 4);
    expect([a.calls, b.calls]).toEqual([4, 0]);
    registry.publish([b.instance()]);
    await readUntil(ratings, () => b.calls > 0);
  });

  test('calls fail with the failure of the registry, and come back with the instances', async () => {
    const servers = await serve('a');
    const registry = new PublishedRegistry();
    const ratings = call(registry, pickFirst);
    const waits = ratings.read();
    await settled();
    registry.fail('connection refused');
    await expect(waits).rejects.toThrow("14 UNAVAILABLE: the instances of 'rating' are not known");
    registry.publish(servers.map((server) => server.instance()));
    await expect(ratings.read()).resolves.toBe('rating');
  });

  test('an empty set holds once its connection has ended', async () => {
    const servers = await serve('a');
    const registry = published(servers);
    const ratings = call(registry, pickFirst);
    await ratings.read();
    registry.publish([]);
    await servers[0]?.stop();
    await expect(ratings.read()).rejects.toThrow("no instance of 'rating' is registered");
  });
});

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

test('a call waits for the first set up to its deadline', async () => {
  const servers = await serve('a');
  const registry = new PublishedRegistry();
  const ratings = call(registry);
  await expect(ratings.read({ deadlineMs: 20 })).rejects.toMatchObject({
    code: status.DEADLINE_EXCEEDED,
  });
  const waits = ratings.read();
  await settled();
  registry.publish(servers.map((server) => server.instance()));
  await expect(waits).resolves.toBe('rating');
});

test('with waitForReady a call waits for the instances of an empty set', async () => {
  const servers = await serve('a');
  const registry = published([]);
  const ratings = call(registry);
  await expect(ratings.read()).rejects.toMatchObject({ code: status.UNAVAILABLE });
  const waits = ratings.read({ waitForReady: true });
  await settled();
  registry.publish(servers.map((server) => server.instance()));
  await expect(waits).resolves.toBe('rating');
});

test('where nothing listens calls fail, and the resolver is not asked in a loop', async () => {
  const [server] = await serve('a');
  server?.kill();
  const registry = new PublishedRegistry();
  registry.publish([instanceAt('a', server?.port ?? 0)]);
  const asked = jest.spyOn(DiscoveryResolver.prototype, 'updateResolution');
  const ratings = call(registry);
  for (let i = 0; i < 5; i++) {
    await expect(ratings.read()).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(asked.mock.calls.length).toBeLessThan(10);
});

test('channels of one service share what the registry shares, and the last that closes ends it', async () => {
  const servers = await serve('a');
  const { registry, sink, log } = openTold();
  const one = call(registry);
  const two = call(registry);
  const reads = [one.read(), two.read()];
  await until(() => log.length > 0);
  await settled();
  sink().publish(servers.map((server) => server.instance()));
  await Promise.all(reads);
  one.close();
  await settled();
  expect(log).toEqual(['open rating']);
  two.close();
  await settled();
  expect(log).toEqual(['open rating', 'close rating']);
  // Neither has a connection left.
  await servers[0]?.stop();
});

test('the authority is the service and its namespace, without the name of the port', async () => {
  const servers = await serve('a');
  const targets = ['discovery:rating', 'discovery:///rating.shop', 'discovery:///rating.shop:grpc'];
  const authorities = targets.map((target) => call(published(servers), {}, target).read());
  expect(await Promise.all(authorities)).toEqual(['rating', 'rating.shop', 'rating.shop']);
});

test('a target that the registry cannot have fails the calls with its reason', async () => {
  await expect(call(new MemoryRegistry(), {}, 'discovery:///rating:grpc').read()).rejects.toThrow(
    "14 UNAVAILABLE: the instances of 'rating:grpc' are not known: 'rating:grpc' cannot be watched: " +
      'a memory registry has no ports to choose from',
  );
});

test.each([
  'discovery:///',
  'discovery://rating',
  'discovery://other/rating',
  'discovery:///rating.shop.svc',
  'discovery:///rating/1',
  'discovery:///-',
])('a channel to %s cannot be created', (target) => {
  expect(() => call(new StaticRegistry({}), {}, target)).toThrow(
    `'${target}' is not a target of a channel: expected discovery:///service, ` +
      'discovery:///service.namespace or discovery:///service.namespace:port',
  );
});

test('a scheme of its own for each of two registries', async () => {
  const [a, b] = (await serve('a', 'b')) as [RatingServer, RatingServer];
  registerDiscovery(published([a]), { scheme: 'shop' });
  registerDiscovery(published([b]), { scheme: 'stock-2' });
  for (const target of ['shop:///rating', 'stock-2:///rating']) {
    const ratings = new Ratings(target);
    await ratings.read();
    ratings.close();
  }
  expect([a.calls, b.calls]).toEqual([1, 1]);
});

test('with a scheme that is not registered the call says which target cannot be read', async () => {
  const ratings = call(new StaticRegistry({}), {}, 'discovry:///rating');
  await expect(ratings.read()).rejects.toThrow('dns:discovry:///rating');
});

test.each(['', 'a_b', 'a:b', 'dns', 'ipv4', 'ipv6', 'unix'])("'%s' is no scheme", (scheme) => {
  expect(() => {
    registerDiscovery(new StaticRegistry({}), { scheme });
  }).toThrow(`'${scheme}' cannot be the scheme of discovery: expected letters, digits`);
});

test('load balancing that grpc-js would drop without a word is told when the channel is created', () => {
  expect(() => call(new StaticRegistry({}), withPolicy({ outlier_detection: {} }))).toThrow(
    'grpc.service_config: no loadBalancingConfig can be used: outlier_detection: ',
  );
});
