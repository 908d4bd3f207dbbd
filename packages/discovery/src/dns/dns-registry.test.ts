import { failureOf } from '../view';
import { createInstance, type Instance } from '../instance';
import { registryContract } from '../adapter/registry.contract';
import { FakeDns, type DnsRecord } from '../testing/fake-dns';
import { ManualClock, scaledClock, until } from '@movies/time/testing';
import { DnsRegistry, type DnsRegistryOptions } from './dns-registry';

const suffix = 'headless.movies.svc.cluster.local';

/** As a headless Service has them: an A record and a named port for each pod, and one name for all. */
function recordsOf(service: string, instances: readonly Instance[]): DnsRecord[] {
  const name = `${service}-${suffix}`;
  return instances.flatMap(({ host, port }, i): DnsRecord[] => [
    { type: 'A', name, data: host, ttl: 1 },
    { type: 'A', name: `${i}.${name}`, data: host, ttl: 1 },
    { type: 'SRV', name: `_http._tcp.${name}`, data: { target: `${i}.${name}`, port } },
  ]);
}

async function open(options: Partial<DnsRegistryOptions> = {}) {
  await using started = new AsyncDisposableStack();
  const dns = await FakeDns.start();
  started.defer(() => dns.stop());
  const registry = new DnsRegistry({
    name: `{service}-${suffix}`,
    kind: 'srv',
    port: 'http',
    servers: [dns.address],
    ...options,
  });
  started.defer(() => registry.close());
  const opened = started.move();
  const close = () => opened.disposeAsync();
  return { dns, registry, close, [Symbol.asyncDispose]: close };
}

async function openHarness(options: Partial<DnsRegistryOptions>) {
  const harness = await open({ clock: scaledClock(10), ...options });
  const { dns } = harness;
  const published = new Map<string, readonly Instance[]>();
  return {
    ...harness,
    publish: async (service: string, instances: readonly Instance[]) => {
      published.set(service, instances);
      dns.records = [...published].flatMap(([of, set]) => recordsOf(of, set));
    },
    breakDown: async () => {
      dns.react = () => 'SERVFAIL';
    },
    repair: async () => {
      dns.react = () => undefined;
    },
  };
}

registryContract('DnsRegistry over SRV records', () => openHarness({}));
registryContract('DnsRegistry over A records', () => openHarness({ kind: 'a', port: 8080 }));

const one = createInstance({ id: '1', service: 'metadata', host: '10.0.0.1', port: 8080 });

describe('DnsRegistry', () => {
  it('asks once however many callers there are', async () => {
    await using opened = await open({ clock: new ManualClock() });
    const { dns, registry } = opened;
    dns.records = recordsOf('metadata', [one]);
    const calls = Array.from({ length: 1000 }, () => registry.discover('metadata'));
    const sets = new Set(await Promise.all(calls));
    expect([...sets].map((instances) => instances.map(({ id }) => id))).toEqual([
      ['10.0.0.1:8080'],
    ]);
    expect(dns.asked.sort()).toEqual([
      `A 0.metadata-${suffix}`,
      `AAAA 0.metadata-${suffix}`,
      `SRV _http._tcp.metadata-${suffix}`,
    ]);
  });

  it('closes at once while a server is silent, and rejects what waits', async () => {
    await using opened = await open({ clock: new ManualClock() });
    const { dns, registry } = opened;
    dns.react = () => 'silence';
    const ended: unknown[] = [];
    registry.discover('metadata').catch((error: unknown) => ended.push(error));
    await until(() => dns.queries.length === 1);
    await registry.close();
    await registry.close();
    expect(ended).toMatchObject([{ code: 'closed' }]);
  });

  it('takes a name with a dot at its end, and a port that stands for all', async () => {
    await using opened = await open({ name: `{service}-${suffix}.`, kind: 'a', port: 9000 });
    opened.dns.records = recordsOf('metadata', [one]);
    expect(await opened.registry.discover('metadata')).toEqual([
      createInstance({ id: '10.0.0.1:9000', service: 'metadata', host: '10.0.0.1', port: 9000 }),
    ]);
  });

  it('asks the servers of the system where none is given', async () => {
    const registry = new DnsRegistry({ name: '{service}.invalid', kind: 'a', port: 80 });
    const watch = registry.watch('metadata');
    expect(watch.view.state).toBe('unknown');
    await registry.close();
  });

  it('asks the servers that there are at each turn', async () => {
    const clock = new ManualClock();
    await using first = await open();
    await using second = await open();
    const server = { address: first.dns.address };
    await using opened = await open({ clock, random: () => 0.5, servers: () => [server.address] });
    first.dns.react = () => 'SERVFAIL';
    second.dns.records = recordsOf('metadata', [one]);
    const watch = opened.registry.watch('metadata');
    await until(() => watch.failures.size === 1);
    server.address = second.dns.address;
    const synced = watch.synced({ timeoutMs: Infinity });
    await clock.advance(clock.nextInMs ?? Number.NaN);
    expect((await synced).instances).toHaveLength(1);
    expect(second.dns.asked).not.toEqual([]);
  });

  it('does not empty a set within 15 s because another server than the one that gave it does not know the name', async () => {
    await using elsewhere = await open();
    await using given = await open();
    const clock = new ManualClock();
    const servers = [given.dns.address, elsewhere.dns.address];
    await using opened = await open({ clock, random: () => 0, servers });
    const { registry } = opened;
    given.dns.records = recordsOf('metadata', [one]);
    const watch = registry.watch('metadata');
    await watch.synced();
    await until(() => clock.pending === 1);
    given.dns.react = () => 'REFUSED';
    const isEmpty = () => watch.view.state === 'known' && watch.view.instances.length === 0;
    const emptyAfter: number[] = [];
    const since = clock.now() + (clock.nextInMs ?? Number.NaN);
    while (!isEmpty()) {
      await clock.advance(clock.nextInMs ?? Number.NaN);
      emptyAfter.push(clock.now() - since);
      await until(() => isEmpty() || (clock.pending === 1 && clock.nextInMs === 1000));
    }
    expect(emptyAfter.at(-1)).toBe(15_000);
    expect(failureOf(watch.view)).toBeUndefined();
    expect(watch.view).toHaveProperty(
      'note',
      expect.stringContaining('is passed over, and another one asked'),
    );
  });

  const template = '{service}.{namespace}.svc.cluster.local';

  it.each<[string, Partial<DnsRegistryOptions>, string]>([
    ['rating.shop:grpc', { name: template }, '_grpc._tcp.rating.shop.svc.cluster.local'],
    ['rating.shop', { name: template }, '_http._tcp.rating.shop.svc.cluster.local'],
    [
      'rating',
      { name: template, namespace: 'movies' },
      '_http._tcp.rating.movies.svc.cluster.local',
    ],
    [
      'rating.shop',
      { name: template, namespace: 'movies' },
      '_http._tcp.rating.shop.svc.cluster.local',
    ],
    ['rating:grpc', { name: '{service}.local' }, '_grpc._tcp.rating.local'],
  ])('asks for the target %s of %j by the name %s', async (target, options, name) => {
    await using opened = await open(options);
    const { dns, registry } = opened;
    dns.records = [
      { type: 'SRV', name, data: { target: 'a.local', port: 8080 } },
      { type: 'A', name: 'a.local', data: '10.0.0.1' },
    ];
    expect(await registry.discover(target)).toMatchObject([
      { id: '10.0.0.1:8080', service: 'rating' },
    ]);
  });

  it('takes the number of a port from the target where addresses are asked for', async () => {
    await using opened = await open({ name: '{service}.local', kind: 'a', port: 80 });
    opened.dns.records = [{ type: 'A', name: 'rating.local', data: '10.0.0.1' }];
    expect(await opened.registry.discover('rating:9090')).toMatchObject([{ port: 9090 }]);
    expect(await opened.registry.discover('rating')).toMatchObject([{ port: 80 }]);
  });

  const tooLong = 'a'.repeat(60);

  it.each<[string, Partial<DnsRegistryOptions>, RegExp]>([
    ['rating.shop', {}, /no place for the namespace 'shop': put in '\{namespace\}'/],
    [
      'rating',
      { name: template },
      /needs a namespace: name one, as 'rating.shop', or set .*'namespace'/,
    ],
    [
      'rating:grpc',
      { kind: 'a', port: 80 },
      /kind 'a' takes the number of a port, .* and not 'grpc'/,
    ],
    ['rating:0', { kind: 'a', port: 80 }, /kind 'a' takes the number of a port/],
    ['rating:_grpc', {}, /kind 'srv' takes the name of a port/],
    [`rating:${'a'.repeat(63)}`, {}, /kind 'srv' takes the name of a port/],
    [tooLong, {}, /'a+-headless' in '.*' is not a DNS label: .* 63 at most/],
    [
      tooLong,
      { name: '{service}.{service}.{service}.{service}.abcdefghij' },
      /has 265 characters, and a DNS name 253/,
    ],
    ['rating shop', {}, /expected service/],
    ['rätsel', {}, /expected service/],
  ])('tells at once that it cannot have the target %s of %j', async (target, options, message) => {
    await using opened = await open(options);
    const synced = opened.registry.watch(target).synced({ timeoutMs: Infinity });
    await expect(synced).rejects.toMatchObject({
      code: 'invalid_target',
      message: expect.stringMatching(message) as string,
    });
    await expect(synced).rejects.toThrow(`'${target}'`);
    expect(opened.dns.queries).toEqual([]);
  });

  it.each<[Partial<DnsRegistryOptions>, RegExp]>([
    [{ name: 'metadata.local' }, /'metadata.local' does not say where .* put in '\{service\}'/],
    [{ name: '{service}..local' }, /not a DNS name: expected labels/],
    [{ name: '{service}.{zone}.local' }, /not a DNS name/],
    [{ name: `{service}.${'a'.repeat(64)}` }, /not a DNS name/],
    [{ name: `{service}${'.abcdefg'.repeat(32)}` }, /not a DNS name/],
    [{ namespace: 'movies' }, /the namespace 'movies' has no place .* put in '\{namespace\}'/],
    [{ name: template, namespace: 'a.b' }, /the namespace 'a.b' is not a DNS label/],
    [{ port: 8080 }, /kind 'srv' takes the name of a port, .* and not '8080'/],
    [{ port: '_http' }, /kind 'srv' takes the name of a port/],
    [{ kind: 'a', port: 'http' }, /kind 'a' takes the number of a port, .* and not 'http'/],
    [{ kind: 'a', port: 0 }, /kind 'a' takes the number of a port/],
    [{ kind: 'aaaa' as 'a' }, /'kind' is srv or a, and not 'aaaa'/],
    [{ family: 5 as 4 }, /'family' is 4, 6 or both, and not '5'/],
    [{ servers: [] }, /no DNS server is given/],
    [{ servers: [{ host: 'dns.local', port: 53 }] }, /'dns.local:53' has to be given by its IP/],
    [{ servers: [{ host: '10.0.0.10', port: 0 }] }, /0 is not a port/],
    [{ maxStaleMs: Number.NaN }, /'maxStaleMs' is a time in milliseconds/],
  ])('refuses %j', (options, message) => {
    const create = () =>
      new DnsRegistry({ name: '{service}.local', kind: 'srv', port: 'http', ...options });
    expect(create).toThrow(
      expect.objectContaining({
        code: 'invalid_options',
        message: expect.stringMatching(message) as string,
      }) as Error,
    );
  });
});
