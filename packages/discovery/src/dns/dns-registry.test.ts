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
    const before = performance.now();
    await registry.close();
    await registry.close();
    expect(performance.now() - before).toBeLessThan(500);
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
    expect(watch.snapshot).toBeUndefined();
    await registry.close();
  });

  it.each<[Partial<DnsRegistryOptions>, RegExp]>([
    [{ name: 'metadata.local' }, /'metadata.local' does not say where .* put in '\{service\}'/],
    [{ name: '{service}..local' }, /not a DNS name: expected labels/],
    [{ name: `{service}.${'a'.repeat(64)}` }, /not a DNS name/],
    [{ name: `{service}${'.abcdefg'.repeat(32)}` }, /not a DNS name/],
    [{ port: 8080 }, /kind 'srv' takes the name of a port, .* and not '8080'/],
    [{ port: '_http' }, /kind 'srv' takes the name of a port/],
    [{ kind: 'a', port: 'http' }, /kind 'a' takes the number of a port, .* and not 'http'/],
    [{ kind: 'a', port: 0 }, /kind 'a' takes the number of a port/],
    [{ servers: [] }, /no DNS server is given/],
    [{ servers: [{ host: 'dns.local', port: 53 }] }, /'dns.local:53' has to be given by its IP/],
  ])('refuses %j', (options, message) => {
    const create = () =>
      new DnsRegistry({ name: '{service}.local', kind: 'srv', port: 'http', ...options });
    expect(create).toThrow(
      expect.objectContaining({
        code: 'invalid_registry_url',
        message: expect.stringMatching(message) as string,
      }) as Error,
    );
  });
});
