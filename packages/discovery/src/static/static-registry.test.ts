import { registryContract } from '../adapter/registry.contract';
import type { Instance } from '../instance';
import { instancesOf } from '../view';
import { StaticRegistry } from './static-registry';

const hasNoServer = 'it has no server that could fail to answer';

registryContract(
  'StaticRegistry',
  () => {
    const registry = new StaticRegistry({});
    const services: Record<string, readonly Instance[]> = {};
    return {
      registry,
      publish: async (service, instances) => {
        services[service] = instances;
        registry.update(services);
      },
      close: () => registry.close(),
    };
  },
  {
    'not yet known is not known to be empty': hasNoServer,
    'discover waits for the first sync up to a limit': hasNoServer,
    'a failure before the first sync is told': hasNoServer,
    'a wait that fails fast does not wait for the registry to heal': hasNoServer,
    'a failure is reported beside the last good set, which stays in force': hasNoServer,
    'a set is equal again after the registry failed several times': hasNoServer,
  },
);

describe('StaticRegistry', () => {
  it('knows each address once, ready, with itself as the id', async () => {
    await using registry = new StaticRegistry({
      metadata: [
        { host: '::1', port: 8081 },
        { host: 'localhost', port: 8081 },
        { host: '::1', port: 8081 },
      ],
    });
    const shared = {
      service: 'metadata',
      port: 8081,
      state: 'ready',
      weight: 1,
      tags: [],
      labels: {},
    };
    expect(await registry.discover('metadata')).toEqual([
      { ...shared, id: '[::1]:8081', host: '::1' },
      { ...shared, id: 'localhost:8081', host: 'localhost' },
    ]);
  });

  it('hands out a frozen set, and is never old', async () => {
    await using registry = new StaticRegistry({ metadata: [{ host: 'localhost', port: 8081 }] });
    const watch = registry.watch('metadata');
    const { version, instances } = await watch.synced();
    expect([version, watch.ageMs]).toEqual([1, 0]);
    expect(Object.isFrozen(instances[0])).toBe(true);
  });

  it('takes names that every object has', async () => {
    const address = { host: 'localhost', port: 8081 };
    await using registry = new StaticRegistry({ constructor: [address] });
    expect(await registry.discover('constructor')).toMatchObject([address]);
    await expect(registry.discover('toString')).rejects.toMatchObject({ code: 'no_instances' });
  });

  it('has neither namespaces nor ports to choose from', async () => {
    await using registry = new StaticRegistry({});
    for (const target of ['rating.shop', 'rating:grpc']) {
      const discovered = registry.discover(target, { timeoutMs: Infinity });
      await expect(discovered).rejects.toMatchObject({
        code: 'invalid_target',
        message: expect.stringContaining(`'${target}'`) as string,
      });
    }
  });

  it('refuses a bad address when it is made', () => {
    const make = () => new StaticRegistry({ metadata: [{ host: 'localhost', port: 65_536 }] });
    expect(make).toThrow(expect.objectContaining({ code: 'invalid_address' }) as Error);
  });

  it('tells a watch the next list, and nothing where it says the same', async () => {
    const [a, b] = [
      { host: '127.0.0.1', port: 1 },
      { host: '127.0.0.1', port: 2 },
    ];
    await using registry = new StaticRegistry({ metadata: [a], rating: [a] });
    const metadata = registry.watch('metadata');
    const rating = registry.watch('rating');
    await Promise.all([metadata.synced(), rating.synced()]);
    registry.update({ metadata: [b], rating: [{ ...a, id: '127.0.0.1:1' }] });
    expect(instancesOf(metadata.view)).toMatchObject([b]);
    expect(rating.view).toMatchObject({ version: 1 });
    registry.update({ metadata: [b] });
    expect(rating.view).toMatchObject({ version: 2, instances: [] });
  });

  it('takes what an instance has beside its address', async () => {
    const fields = {
      id: 'a',
      host: '::1',
      port: 1,
      state: 'draining',
      zone: 'z',
      weight: 2,
    } as const;
    await using registry = new StaticRegistry({ metadata: [fields] });
    expect(await registry.discover('metadata')).toMatchObject([fields]);
  });

  it('keeps the last list when the next one is bad', async () => {
    const good = { host: 'localhost', port: 1 };
    await using registry = new StaticRegistry({ metadata: [good] });
    const update = () => {
      registry.update({ rating: [good], metadata: [{ host: 'localhost', port: 0 }] });
    };
    expect(update).toThrow(expect.objectContaining({ code: 'invalid_address' }) as Error);
    expect(await registry.discover('metadata')).toMatchObject([good]);
    await expect(registry.discover('rating')).rejects.toMatchObject({ code: 'no_instances' });
  });

  it('says nothing after it is closed', async () => {
    const registry = new StaticRegistry({});
    const watch = registry.watch('metadata');
    await watch.synced();
    await registry.close();
    registry.update({ metadata: [{ host: 'localhost', port: 1 }] });
    expect(watch.view).toEqual({ state: 'closed' });
  });

  it.each(['rating.shop', 'rating:grpc', 'a b'])(
    'refuses the name %s, which nothing could watch',
    (name) => {
      const make = () => new StaticRegistry({ [name]: [] });
      expect(make).toThrow(expect.objectContaining({ code: 'invalid_target' }) as Error);
    },
  );
});
