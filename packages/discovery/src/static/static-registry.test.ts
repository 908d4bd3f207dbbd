import type { Address } from '../address';
import { registryContract } from '../adapter/registry.contract';
import { StaticRegistry } from './static-registry';

const fixed = 'its addresses are fixed';
const asksNobody = 'it asks nobody, so nobody can fail to answer';

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
    'an authoritative empty answer empties the set': fixed,
    'a set is frozen and has a version that rises when it changes': fixed,
    'after close of a watch there is silence, and the others go on': fixed,
    'not yet known is not known to be empty': asksNobody,
    'discover waits for the first sync up to a limit': asksNobody,
    'a failure is reported beside the last good set, which stays in force': asksNobody,
  },
);

describe('StaticRegistry', () => {
  it('knows each address once, ready, with itself as the id', async () => {
    await using registry = disposable(
      new StaticRegistry({
        metadata: [
          { host: '::1', port: 8081 },
          { host: 'localhost', port: 8081 },
          { host: '::1', port: 8081 },
        ],
      }),
    );
    const shared = { service: 'metadata', port: 8081, state: 'ready', weight: 1, labels: {} };
    expect(await registry.discover('metadata')).toEqual([
      { ...shared, id: '[::1]:8081', host: '::1' },
      { ...shared, id: 'localhost:8081', host: 'localhost' },
    ]);
  });

  it('hands out a frozen set at once, and is never old', async () => {
    await using registry = disposable(
      new StaticRegistry({ metadata: [{ host: 'localhost', port: 8081 }] }),
    );
    const watch = registry.watch('metadata');
    expect([watch.snapshot?.version, watch.ageMs]).toEqual([1, 0]);
    expect(Object.isFrozen(watch.snapshot?.instances[0])).toBe(true);
  });

  it('refuses a bad address when it is made', () => {
    const make = () => new StaticRegistry({ metadata: [{ host: 'localhost', port: 65_536 }] });
    expect(make).toThrow(expect.objectContaining({ code: 'invalid_address' }) as Error);
  });
});

function disposable(registry: StaticRegistry) {
  return Object.assign(registry, { [Symbol.asyncDispose]: () => registry.close() });
}
