import { createInstance, type Instance } from '../instance';
import { ManualClock } from '@movies/time/testing';
import { registrarContract } from '../adapter/registrar.contract';
import type { Registration } from '../registrar';
import { registryContract } from '../adapter/registry.contract';
import { MemoryRegistry, type MemoryRegistryOptions } from './memory-registry';

const noAgent = 'it is in this process, so it neither fails nor is unknown';

registryContract(
  'MemoryRegistry',
  () => {
    const registry = new MemoryRegistry();
    const registered = new Map<string, Registration>();
    return {
      registry,
      publish: async (service, instances) => {
        const wanted = new Set(instances.map(({ id }) => id));
        for (const [id, registration] of registered) {
          if (!id.startsWith(service) || wanted.has(id)) continue;
          registered.delete(id);
          await registration.deregister();
        }
        for (const instance of instances) {
          if (registered.has(instance.id)) continue;
          registered.set(instance.id, await registry.register(instance));
        }
      },
      close: () => registry.close(),
    };
  },
  {
    'not yet known is not known to be empty': noAgent,
    'discover waits for the first sync up to a limit': noAgent,
    'a failure before the first sync is told': noAgent,
    'a wait that fails fast does not wait for the registry to heal': noAgent,
    'a failure is reported beside the last good set, which stays in force': noAgent,
    'a set is equal again after the registry failed several times': noAgent,
  },
);

registrarContract(
  'MemoryRegistry',
  () => {
    const clock = new ManualClock();
    const registry = new MemoryRegistry({ clock });
    return {
      registry,
      registrar: registry,
      service: 'metadata',
      letBeatsPass: () => clock.advance(1000),
      close: () => registry.close(),
    };
  },
  {
    'register rejects with registry_unavailable when nothing answers': noAgent,
    'what was forgotten is registered again in the state it reported': noAgent,
  },
);

describe('MemoryRegistry', () => {
  it('takes out an instance 5 s after its last beat, and back in with the next one', async () => {
    await using memory = open({ heartbeatMs: 6000 });
    await memory.registry.register(instance('a'));
    const seen = memory.record();
    await memory.clock.advance(5000);
    expect(seen).toEqual(['a']);
    await memory.clock.advance(1);
    expect(seen).toEqual(['a', '']);
    await memory.clock.advance(999);
    expect(seen).toEqual(['a', '', 'a']);
  });

  it('keeps an instance that beats', async () => {
    await using memory = open();
    await memory.registry.register(instance('a'));
    const seen = memory.record();
    await memory.clock.advance(60_000);
    expect(seen).toEqual(['a']);
  });

  it('takes out nothing because the event loop was blocked', async () => {
    await using memory = open();
    await memory.registry.register(instance('a'));
    await memory.registry.register(instance('b'));
    const seen = memory.record();
    await memory.clock.advance(0);
    memory.clock.stall(60_000);
    await memory.clock.advance(1000);
    expect(seen).toEqual(['a,b']);
  });

  it('takes out what went stale while there was no watch', async () => {
    await using memory = open({ heartbeatMs: 60_000 });
    await memory.registry.register(instance('a'));
    await memory.clock.advance(5001);
    const seen = memory.record();
    await memory.clock.advance(0);
    expect(seen).toEqual(['']);
  });

  it('is never old', async () => {
    await using memory = open();
    const watch = memory.registry.watch('metadata');
    await memory.clock.advance(60_000);
    expect(watch.ageMs).toBe(0);
  });

  it('shows a report of health before the next beat', async () => {
    await using memory = open();
    const registration = await memory.registry.register(instance('a'));
    registration.report('not_ready');
    const [known] = await memory.registry.discover('metadata');
    expect(known?.state).toBe('not_ready');
  });

  it('lets a later registration of an id stand in the place of an earlier one', async () => {
    await using memory = open();
    const earlier = await memory.registry.register(instance('a'));
    const later = await memory.registry.register(createInstance({ ...instance('a'), port: 9090 }));
    const seen = memory.record();
    await earlier.deregister();
    await memory.clock.advance(2000);
    expect((await memory.registry.discover('metadata')).map(({ port }) => port)).toEqual([9090]);
    await later.deregister();
    expect(seen).toEqual(['a', '']);
  });

  it('refuses a report of what is no state, and beats on', async () => {
    await using memory = open();
    const registration = await memory.registry.register(instance('a'));
    expect(() => {
      registration.report('draning' as 'draining');
    }).toThrow(expect.objectContaining({ code: 'invalid_instance' }) as Error);
    await memory.clock.advance(60_000);
    expect(await memory.registry.discover('metadata')).toMatchObject([{ state: 'ready' }]);
  });

  it('refuses times that are none', () => {
    for (const options of [{ staleAfterMs: NaN }, { heartbeatMs: -1 }]) {
      expect(() => new MemoryRegistry(options)).toThrow(
        expect.objectContaining({ code: 'invalid_options' }) as Error,
      );
    }
  });

  it('never takes out an instance that may be stale for ever', async () => {
    await using memory = open({ staleAfterMs: Infinity, heartbeatMs: Infinity });
    await memory.registry.register(instance('a'));
    const seen = memory.record();
    await memory.clock.advance(10 ** 9);
    expect(seen).toEqual(['a']);
  });

  it('leaves no timer after close, also of what was not deregistered', async () => {
    const { registry, clock } = open();
    const registration = await registry.register(instance('a'));
    await registry.watch('metadata').synced();
    await registry.close();
    expect(clock.pending).toBe(0);
    await registration.deregister();
  });

  it('refuses an instance without a usable address', async () => {
    await using memory = open();
    const bad = { ...instance('a'), port: 0 };
    await expect(memory.registry.register(bad)).rejects.toMatchObject({ code: 'invalid_address' });
  });
});

function instance(id: string): Instance {
  return createInstance({ id, service: 'metadata', host: '127.0.0.1', port: 8080 });
}

function open(options: MemoryRegistryOptions = {}) {
  const clock = new ManualClock();
  const registry = new MemoryRegistry({ ...options, clock });
  return {
    clock,
    registry,
    /** The ids of each set that a watch is told. */
    record: () => {
      const seen: string[] = [];
      registry.watch('metadata').subscribe((view) => {
        if (view.state === 'known') seen.push(view.instances.map(({ id }) => id).join());
      });
      return seen;
    },
    [Symbol.asyncDispose]: () => registry.close(),
  };
}
