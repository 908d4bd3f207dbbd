import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { formatAddress } from '../address';
import type { ServiceWatch } from '../registry';
import { failureOf } from '../view';
import { FakeApiServer } from '../testing/fake-api-server';
import { endpointsOf, sliceOf } from '../testing/slices';
import type { Snapshot, View } from '../view';
import { KubernetesRegistry, type KubernetesRegistryOptions } from './kubernetes-registry';

let fake: FakeApiServer;

beforeEach(async () => {
  fake = await FakeApiServer.start();
});

afterEach(() => fake.stop());

/** Of an access whose own namespace is `default`. */
function open(options: KubernetesRegistryOptions = {}): KubernetesRegistry {
  const { url: server, ca } = fake;
  return new KubernetesRegistry({
    findAccess: async () => ({
      server,
      namespace: 'default',
      credentials: async () => ({ headers: {}, tls: { ca } }),
    }),
    ...options,
  });
}

async function addressesOf(registry: KubernetesRegistry, target: string): Promise<string[]> {
  const { instances } = await registry.watch(target).synced();
  return instances.map(formatAddress);
}

/** The first snapshot that fits. */
function heard(watch: ServiceWatch, fits: (snapshot: Snapshot) => boolean): Promise<Snapshot> {
  return new Promise((resolve) => {
    watch.subscribe((view) => {
      if (view.state === 'known' && fits(view)) resolve(view);
    });
  });
}

describe('a target names', () => {
  const twoPorts = (address: string, namespace: string) => ({
    ...sliceOf('rating', [address], { namespace }),
    ports: [
      { name: 'http', port: 8080 },
      { name: 'grpc', port: 9090 },
      { name: '', port: 7070 },
    ],
  });

  beforeEach(() => {
    fake.put(twoPorts('10.0.0.1', 'default'));
    fake.put(twoPorts('10.0.0.2', 'shop'));
    fake.put(twoPorts('10.0.0.3', 'bank'));
  });

  it.each<[string, KubernetesRegistryOptions, string]>([
    ['rating', {}, '10.0.0.1:8080'],
    ['rating:grpc', {}, '10.0.0.1:9090'],
    ['rating.shop', {}, '10.0.0.2:8080'],
    ['rating.shop:grpc', {}, '10.0.0.2:9090'],
    ['rating', { namespace: 'bank', port: 'grpc' }, '10.0.0.3:9090'],
    ['rating.shop', { namespace: 'bank', port: 'grpc' }, '10.0.0.2:9090'],
    ['rating:http', { namespace: 'bank', port: 'grpc' }, '10.0.0.3:8080'],
    ['rating', { port: '' }, '10.0.0.1:7070'],
  ])('%s, with the options %j: %s', async (target, options, address) => {
    await using registry = open(options);
    expect(await addressesOf(registry, target)).toEqual([address]);
  });

  it('namespaces of the Endpoints API too', async () => {
    fake.put(endpointsOf('rating', ['10.0.0.1']), 'endpoints');
    fake.put(endpointsOf('rating', ['10.0.0.2'], { namespace: 'shop' }), 'endpoints');
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation();
    await using registry = open({ api: 'endpoints' });
    emitWarning.mockRestore();
    expect(await addressesOf(registry, 'rating')).toEqual(['10.0.0.1:8080']);
    expect(await addressesOf(registry, 'rating.shop')).toEqual(['10.0.0.2:8080']);
  });

  it('several namespaces and ports in one adapter, over one connection', async () => {
    await using registry = open();
    const targets = ['rating', 'rating:grpc', 'rating.shop:grpc', 'rating.bank'];
    const sets = await Promise.all(targets.map((target) => addressesOf(registry, target)));
    expect(sets.flat()).toEqual([
      '10.0.0.1:8080',
      '10.0.0.1:9090',
      '10.0.0.2:9090',
      '10.0.0.3:8080',
    ]);
    expect(fake.connections).toBe(1);
  });

  it('the namespace in the reason for an empty set', async () => {
    await using registry = open();
    const { emptyBecause } = await registry.watch('absent.shop').synced();
    expect(emptyBecause).toContain(
      "in the namespace 'shop' no EndpointSlice of Service 'absent' exists",
    );
    expect((await registry.watch('absent').synced()).emptyBecause).toContain(
      "in the namespace 'default' ",
    );
  });
});

it.each(['', 'a,team!=b', 'a=b', 'Rating', 'a_b', 'a'.repeat(64), 'rating.Shop', 'rating.shop:G'])(
  "the target '%s' is refused, and reaches no selector",
  async (target) => {
    await using registry = open();
    const watch = registry.watch(target);
    await expect(watch.synced()).rejects.toMatchObject({
      code: 'invalid_target',
      message: expect.stringContaining(`'${target}' cannot be watched`) as string,
    });
    await registry.watch('rating').synced();
    const selectors = new Set(fake.calls.map(({ query }) => query.get('labelSelector')));
    expect([...selectors]).toEqual(['kubernetes.io/service-name=rating']);
  },
);

it('a port that was renamed empties the set, which says so, and is no failure', async () => {
  fake.put(sliceOf('rating', ['10.0.0.1', '10.0.0.2']));
  await using registry = open();
  const watch = registry.watch('rating');
  const opened = fake.nextWatch();
  await heard(watch, ({ instances }) => instances.length === 2);
  await opened;
  fake.put(sliceOf('rating', ['10.0.0.3', '10.0.0.4'], { portName: 'web' }));
  const { emptyBecause } = await heard(watch, ({ instances }) => instances.length === 0);
  expect(emptyBecause).toMatch(
    /no endpoint of Service 'rating' has port 'http'; there are port 'web' \(8080\).*port=<name>/,
  );
  expect([failureOf(watch.view), watch.failures.size]).toEqual([undefined, 0]);
  expect(await addressesOf(registry, 'rating:web')).toEqual(['10.0.0.3:8080', '10.0.0.4:8080']);
  fake.put(sliceOf('rating', ['10.0.0.5']));
  await heard(watch, ({ instances }) => instances.length === 1);
});

it('150 services are a list and a watch each, on two connections', async () => {
  const names = Array.from({ length: 150 }, (_, i) => `s${i}`);
  for (const name of names) fake.put(sliceOf(name, ['10.0.0.1']));
  await using registry = open();
  const watches = names.map((name) => registry.watch(name));
  const opened = Promise.all(names.map((_, i) => nthWatch(i + 1)));
  await Promise.all(watches.map((watch) => watch.synced({ timeoutMs: 30_000 })));
  await opened;
  expect(fake.calls).toHaveLength(300);
  expect(fake.connections).toBe(2);
  expect(watches.flatMap(({ failures }) => [...failures])).toEqual([]);
});

/** Resolves when so many watches are open. */
function nthWatch(count: number): Promise<unknown> {
  return fake.next(() => fake.openWatches.length >= count);
}

it.each<[string, KubernetesRegistryOptions]>([
  ['namespace', { namespace: 'Shop' }],
  ['namespace', { namespace: '' }],
  ['port', { port: 'a,b' }],
  ['api', { api: 'pods' as 'endpoints' }],
  ['idleMs', { idleMs: NaN }],
  ['maxStaleMs', { maxStaleMs: -1 }],
  ['userAgent', { userAgent: 'two\r\nlines' }],
])('the option %s is refused where it cannot be used: %j', (name, options) => {
  expect(() => open(options)).toThrow(
    expect.objectContaining({
      code: 'invalid_options',
      message: expect.stringContaining(name) as string,
    }) as Error,
  );
});

it.each([
  [{}, 'movies-discovery'],
  [{ userAgent: 'shop/1.2' }, 'shop/1.2'],
])('tells the API server its name: %j', async (options, userAgent) => {
  await using registry = open(options);
  await registry.watch('rating').synced();
  expect(fake.calls[0]?.userAgent).toBe(userAgent);
});

describe('the snapshot cache', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'snapshots-'));
    fake.put(sliceOf('rating', ['10.0.0.1'], { namespace: 'shop' }));
  });

  afterEach(() => rm(folder, { recursive: true }));

  /** Keeps the set of `target`, stops the API server, and looks for the set of `later` in the cache. */
  async function restart(
    target: string,
    options: KubernetesRegistryOptions,
    later: string,
    laterOptions: KubernetesRegistryOptions,
  ): Promise<View> {
    const { port } = fake;
    await (async () => {
      await using registry = open({ snapshotCache: folder, ...options });
      await registry.watch(target).synced();
    })();
    await using registry = open({ snapshotCache: folder, ...laterOptions });
    await fake.stop();
    const watch = registry.watch(later);
    await watch.synced({ failFast: true }).catch(() => undefined);
    const { view } = watch;
    await fake.listen(port);
    return view;
  }

  it('serves the set of a former process while the API server is down', async () => {
    expect(await restart('rating.shop', {}, 'rating.shop', {})).toMatchObject({
      state: 'known',
      isFromCache: true,
      failure: { code: 'registry_unavailable' },
      instances: [{ host: '10.0.0.1', port: 8080 }],
    });
  });

  it.each<KubernetesRegistryOptions>([
    {},
    { namespace: 'bank' },
    { namespace: 'shop', port: 'grpc' },
  ])('gives nothing of another namespace or port: %j', async (options) => {
    const view = await restart('rating', { namespace: 'shop' }, 'rating', options);
    expect(view).toMatchObject({ state: 'unknown' });
  });
});
