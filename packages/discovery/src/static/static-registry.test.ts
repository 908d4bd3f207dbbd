import type { Address } from '../address';
import { registryContract } from '../adapter/registry.contract';
import { StaticRegistry } from './static-registry';

const fixed = 'its addresses are fixed';
const hasNoServer = 'it has no server that could fail to answer';

registryContract(
  'StaticRegistry',
  () => {
    const addresses: Record<string, readonly Address[]> = {};
    let made: StaticRegistry | undefined;
    return {
      get registry() {
        made ??= new StaticRegistry(addresses);
        return made;
      },
      publish: async (service, instances) => {
        addresses[service] = instances;
      },
      close: async () => {
        await made?.close();
      },
    };
  },
  {
    'a subscriber gets the whole set, never a difference': fixed,
    'the same set is not sent twice': fixed,
    'a listener is never called before subscribe returns, and may end in any call': fixed,
    'iterating a watch gives the newest snapshot each time, and ends when it is closed': fixed,
    'a service is watched anew after its last watch closed': fixed,
    'an authoritative empty response empties the set': fixed,
    'a set is frozen and has a version that rises when it changes': fixed,
    'after close of a watch there is silence, and the others go on': fixed,
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

  it.each(['rating.shop', 'rating:grpc', 'a b'])(
    'refuses the name %s, which nothing could watch',
    (name) => {
      const make = () => new StaticRegistry({ [name]: [] });
      expect(make).toThrow(expect.objectContaining({ code: 'invalid_target' }) as Error);
    },
  );
});
