import { failureOf, type Instance, type ServiceWatch, type Snapshot } from '@movies/discovery';
import { registryContract } from '@movies/discovery/contract';
import { DnsRegistry, type DnsRegistryOptions } from '@movies/discovery/dns';
import { describeWithDnsmasq, Dnsmasq, type HostLine } from './dnsmasq';

jest.setTimeout(60_000);

describeWithDnsmasq('on a real dnsmasq', (binary) => {
  async function open(
    registryOptions: Partial<DnsRegistryOptions> = {},
    serverOptions: readonly string[] = [],
  ) {
    const dnsmasq = await Dnsmasq.start(binary, serverOptions);
    const registry = new DnsRegistry({
      name: '{service}.test',
      kind: 'a',
      port: 8080,
      servers: [dnsmasq.address],
      ...registryOptions,
    });
    const close = async () => {
      await registry.close();
      await dnsmasq.remove();
    };
    return { dnsmasq, registry, close, [Symbol.asyncDispose]: close };
  }

  registryContract('DnsRegistry', async () => {
    const { dnsmasq, registry, close } = await open();
    const published = new Map<string, readonly Instance[]>();
    let isDown = false;
    return {
      registry,
      close,
      publish: async (service: string, instances: readonly Instance[]) => {
        published.set(service, instances);
        dnsmasq.setHosts(
          [...published].flatMap(([of, set]) => set.map(({ host }) => line(`${of}.test`, host))),
        );
        // It reads them when it is started again.
        if (isDown) return;
        await dnsmasq.gives(
          `${service}.test`,
          instances.map(({ host }) => host),
        );
      },
      breakDown: async () => {
        isDown = true;
        await dnsmasq.kill();
      },
      repair: async () => {
        await dnsmasq.restart();
        isDown = false;
      },
    };
  });

  const srv = { kind: 'srv', port: 'http' } as const;

  it('takes port and weight from SRV records, and the best priority that has addresses', async () => {
    await using opened = await open(srv, [
      '--srv-host=_http._tcp.metadata.test,a.test,8081,10,5',
      '--srv-host=_http._tcp.metadata.test,b.test,8082,10,0',
      '--srv-host=_http._tcp.metadata.test,c.test,8083,20,1',
    ]);
    const { dnsmasq, registry } = opened;
    const backup = line('c.test', '10.0.0.3');
    dnsmasq.setHosts([line('a.test', '10.0.0.1'), line('b.test', 'fd00::2'), backup]);
    await dnsmasq.gives('a.test', ['10.0.0.1']);
    const watch = registry.watch('metadata');
    const { instances } = await watch.synced();
    expect(instances.map(({ id, weight, labels }) => [id, weight, labels])).toEqual([
      ['10.0.0.1:8081', 5, { target: 'a.test' }],
      ['[fd00::2]:8082', 0.01, { target: 'b.test' }],
    ]);
    dnsmasq.setHosts([backup]);
    const { instances: backups } = await heard(watch, hosts('10.0.0.3'));
    expect(backups).toMatchObject([{ port: 8083, weight: 1 }]);
  });

  it('says that a name which has addresses has no named port', async () => {
    await using opened = await open(srv);
    opened.dnsmasq.setHosts([line('metadata.test', '10.0.0.1')]);
    await opened.dnsmasq.gives('metadata.test', ['10.0.0.1']);
    await expect(opened.registry.discover('metadata')).rejects.toThrow(
      /'metadata.test.' has addresses but no SRV record '_http._tcp.metadata.test.', says 127/,
    );
    await expect(opened.registry.discover('nobody')).rejects.toThrow(
      /there is no SRV record '_http._tcp.nobody.test.', and 'nobody.test.' has no addresses/,
    );
  });

  it('gets 300 addresses, which UDP cannot hold', async () => {
    await using opened = await open();
    const many = Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    opened.dnsmasq.setHosts(many.map((address) => line('metadata.test', address)));
    await opened.dnsmasq.gives('metadata.test', many);
    const instances = await opened.registry.discover('metadata');
    expect(instances.map(({ host }) => host).sort()).toEqual(many.toSorted());
  });

  it('gets 300 SRV records with an address each', async () => {
    const targets = Array.from({ length: 300 }, (_, i) => `p${i}.test`);
    await using opened = await open(
      srv,
      targets.map((target) => `--srv-host=_http._tcp.metadata.test,${target},8080`),
    );
    opened.dnsmasq.setHosts(targets.map((target, i) => line(target, `10.0.${i >> 8}.${i & 255}`)));
    await opened.dnsmasq.gives('p299.test', ['10.0.1.43']);
    expect(await opened.registry.discover('metadata')).toHaveLength(300);
  });

  it('keeps the last set while the server is stopped, and heals once it is started', async () => {
    await using opened = await open();
    const { dnsmasq, registry } = opened;
    dnsmasq.setHosts([line('metadata.test', '10.0.0.1')]);
    await dnsmasq.gives('metadata.test', ['10.0.0.1']);
    const watch = registry.watch('metadata');
    await watch.synced();
    const told: Snapshot[] = [];
    watch.subscribe((view) => {
      if (view.state === 'known') told.push(view);
    });
    await dnsmasq.kill();
    const { failure } = await heard(watch, (snapshot) => snapshot.failure !== undefined);
    expect(failure?.message).toMatch(/'metadata.test.' A, asked of 127.* no DNS server/);
    dnsmasq.setHosts([line('metadata.test', '10.0.0.1'), line('metadata.test', '10.0.0.2')]);
    await dnsmasq.restart();
    await heard(watch, hosts('10.0.0.1', '10.0.0.2'));
    expect(failureOf(watch.view)).toBeUndefined();
    expect(told.every(({ instances }) => instances.length > 0)).toBe(true);
  });

  it('asks the second server when the first one refuses, or is stopped', async () => {
    const [first, second] = [await Dnsmasq.start(binary), await Dnsmasq.start(binary)];
    await using stack = new AsyncDisposableStack();
    stack.defer(() => first.remove());
    stack.defer(() => second.remove());
    // Without a server to ask, dnsmasq refuses what it is not told to know: names outside `test`.
    const elsewhere = { host: '10.0.0.9', name: 'metadata.example' };
    await using refused = await open(
      { name: '{service}.example', servers: [first.address, second.address] },
      [],
    );
    second.setHosts([line(elsewhere.name, elsewhere.host), line('metadata.test', '10.0.0.1')]);
    await second.gives(elsewhere.name, [elsewhere.host]);
    const [instance] = await refused.registry.discover('metadata');
    expect(instance?.host).toBe(elsewhere.host);
    await first.kill();
    await using stopped = await open({ servers: [first.address, second.address] });
    expect(await stopped.registry.discover('metadata')).toMatchObject([{ host: '10.0.0.1' }]);
  });

  it('fills the namespace and the port of a target into the name', async () => {
    await using opened = await open({ ...srv, name: '{service}.{namespace}.test' }, [
      '--srv-host=_grpc._tcp.metadata.shop.test,a.test,9090,10,5',
    ]);
    opened.dnsmasq.setHosts([line('a.test', '10.0.0.1')]);
    await opened.dnsmasq.gives('a.test', ['10.0.0.1']);
    expect(await opened.registry.discover('metadata.shop:grpc')).toMatchObject([
      { id: '10.0.0.1:9090', service: 'metadata' },
    ]);
  });

  it('sees a new address within the TTL and 1 s, ten times', async () => {
    await using opened = await open();
    const { dnsmasq, registry } = opened;
    const addresses = ['10.0.0.0'];
    const set = () => {
      dnsmasq.setHosts(addresses.map((address) => line('metadata.test', address)));
    };
    set();
    await dnsmasq.gives('metadata.test', addresses);
    const watch = registry.watch('metadata');
    await watch.synced();
    const took: number[] = [];
    for (let i = 1; i <= 10; i += 1) {
      addresses.push(`10.0.0.${i}`);
      const changedAt = performance.now();
      set();
      await heard(watch, hosts(...addresses));
      took.push(performance.now() - changedAt);
    }
    // Its TTL is 1 s.
    expect(Math.max(...took)).toBeLessThan(2000);
  });
});

function line(name: string, address: string): HostLine {
  return [name, address];
}

function hosts(...expected: readonly string[]): (snapshot: Snapshot) => boolean {
  return ({ instances }) =>
    instances
      .map(({ host }) => host)
      .sort()
      .join() === expected.toSorted().join();
}

/** Resolves with the first snapshot that fits, of those told and the present one. */
function heard(watch: ServiceWatch, fits: (snapshot: Snapshot) => boolean): Promise<Snapshot> {
  return new Promise((resolve) => {
    const unsubscribe = watch.subscribe((view) => {
      if (view.state !== 'known' || !fits(view)) return;
      unsubscribe();
      resolve(view);
    });
  });
}
