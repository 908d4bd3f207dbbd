import { runClauses } from './clauses.contract';
import { DiscoveryError } from '../discovery-error';
import { createInstance, type Instance, type InstanceState } from '../instance';
import type { Registrar } from '../registrar';
import type { Registry } from '../registry';

/** A registrar under test, and a registry that shows its effect. */
export interface RegistrarHarness {
  readonly registrar: Registrar;
  readonly registry: Registry;
  /** The service to register at; nothing else registers there. */
  readonly service: string;
  /** Resolves when every instance that is still registered has beaten since the call. */
  letBeatsPass(): Promise<void>;
  /** Makes the server behind the registrar stop answering. Absent where nothing can. */
  breakDown?(): Promise<void>;
  /** Makes it forget every registration. Absent where nothing can. */
  forget?(): Promise<void>;
  /** Closes the registry, the registrar and the server. */
  close(): Promise<void>;
}

/** The contract of `Registrar`: a clause a test. */
const clauses = {
  'what is registered as not ready stays so until its health says otherwise': async (harness) => {
    const registration = await harness.registrar.register(instanceOf(harness, 'not_ready'));
    await shows(harness, 'a=not_ready');
    await harness.letBeatsPass();
    await shows(harness, 'a=not_ready');
    registration.report('ready');
    await shows(harness, 'a=ready');
    await registration.deregister();
  },

  'what is registered as ready is ready': async (harness) => {
    const registration = await harness.registrar.register(instanceOf(harness, 'ready'));
    await shows(harness, 'a=ready');
    await registration.deregister();
  },

  'address, zone, weight, tags and labels are known as registered': async (harness) => {
    const instance = createInstance({
      ...instanceOf(harness, 'ready'),
      host: '::1',
      zone: 'zone-1',
      weight: 3,
      tags: ['blue', 'canary'],
      labels: { version: '1.2.3' },
    });
    const registration = await harness.registrar.register(instance);
    await shows(harness, 'a=ready');
    // A registry may make the id unique beyond the service.
    const id: unknown = expect.stringContaining(instance.id);
    expect(await harness.registry.discover(harness.service)).toEqual([{ ...instance, id }]);
    await registration.deregister();
  },

  'reported health moves the state both ways, and beats keep it': async (harness) => {
    const registration = await harness.registrar.register(instanceOf(harness, 'ready'));
    await shows(harness, 'a=ready');
    registration.report('not_ready', 'the database is gone');
    await shows(harness, 'a=not_ready');
    await harness.letBeatsPass();
    await shows(harness, 'a=not_ready');
    registration.report('ready');
    await shows(harness, 'a=ready');
    await harness.letBeatsPass();
    await shows(harness, 'a=ready');
    expect(registration.failure).toBeUndefined();
    await registration.deregister();
  },

  'what is reported as draining gets no new requests': async (harness) => {
    const registration = await harness.registrar.register(instanceOf(harness, 'ready'));
    await shows(harness, 'a=ready');
    registration.report('draining');
    await untilKnown(harness, (known) => known.every(({ state }) => state !== 'ready'));
    await registration.deregister();
  },

  'a registration that leaves its scope is deregistered': async (harness) => {
    {
      await using registration = await harness.registrar.register(instanceOf(harness, 'ready'));
      await shows(harness, 'a=ready');
      expect(registration.failure).toBeUndefined();
    }
    await shows(harness);
  },

  'deregister takes the instance out at once, and no other': async (harness) => {
    const first = await harness.registrar.register(instanceOf(harness, 'ready', 'a'));
    const second = await harness.registrar.register(instanceOf(harness, 'ready', 'b'));
    await shows(harness, 'a=ready', 'b=ready');
    await first.deregister();
    await shows(harness, 'b=ready');
    await second.deregister();
    await shows(harness);
  },

  'deregistering twice is fine': async (harness) => {
    const registration = await harness.registrar.register(instanceOf(harness, 'ready'));
    await Promise.all([registration.deregister(), registration.deregister()]);
    await registration.deregister();
    await shows(harness);
  },

  'after deregister neither a beat nor a report of health brings it back': async (harness) => {
    const registration = await harness.registrar.register(instanceOf(harness, 'ready'));
    registration.report('ready');
    await registration.deregister();
    registration.report('ready');
    await harness.letBeatsPass();
    await shows(harness);
  },

  'an instance can register again after deregister': async (harness) => {
    const before = await harness.registrar.register(instanceOf(harness, 'ready'));
    await before.deregister();
    await shows(harness);
    const after = await harness.registrar.register(instanceOf(harness, 'ready'));
    await shows(harness, 'a=ready');
    await after.deregister();
  },

  'register with an aborted signal rejects with its reason and registers nothing': async (
    harness,
  ) => {
    const reason = new Error('no longer wanted');
    const instance = instanceOf(harness, 'ready');
    const registered = harness.registrar.register(instance, { signal: AbortSignal.abort(reason) });
    await expect(registered).rejects.toBe(reason);
    await shows(harness);
  },

  'register rejects with registry_unavailable when nothing answers': async (harness) => {
    if (harness.breakDown === undefined) throw new Error('nothing here can break down');
    await harness.breakDown();
    const registered = harness.registrar.register(instanceOf(harness, 'ready'));
    await expect(registered).rejects.toBeInstanceOf(DiscoveryError);
    await expect(registered).rejects.toMatchObject({ code: 'registry_unavailable' });
  },

  'what was forgotten is registered again in the state it reported': async (harness) => {
    if (harness.forget === undefined) throw new Error('nothing here can forget');
    const registration = await harness.registrar.register(instanceOf(harness, 'not_ready'));
    registration.report('ready');
    await shows(harness, 'a=ready');
    await harness.forget();
    await harness.letBeatsPass();
    await shows(harness, 'a=ready');
    await registration.deregister();
  },

  'a closed registrar registers nothing': async (harness) => {
    await harness.registry.close();
    const registered = harness.registrar.register(instanceOf(harness, 'ready'));
    await expect(registered).rejects.toMatchObject({ code: 'closed' });
  },
} satisfies Record<string, (harness: RegistrarHarness) => Promise<void>>;

/** The name of a clause, as the exceptions name it. */
export type RegistrarClause = keyof typeof clauses;

/** Runs every clause against an adapter. One that it cannot meet is an exception, with its reason. */
export function registrarContract(
  name: string,
  open: () => Promise<RegistrarHarness> | RegistrarHarness,
  exceptions: Partial<Record<RegistrarClause, string>> = {},
): void {
  runClauses(`${name} keeps the contract of a registrar:`, clauses, open, exceptions);
}

function instanceOf({ service }: RegistrarHarness, state: InstanceState, name = 'a'): Instance {
  return createInstance({
    id: `${service}-${name}`,
    service,
    host: '127.0.0.1',
    port: 8080,
    state,
  });
}

/** Resolves as soon as the registry knows exactly these instances, as `name=state`. */
function shows(harness: RegistrarHarness, ...expected: string[]): Promise<void> {
  const { service } = harness;
  return untilKnown(harness, (instances) => {
    const known = instances.map(
      ({ id, state }) => `${id.slice(id.lastIndexOf(service) + service.length + 1)}=${state}`,
    );
    return known.join() === expected.join();
  });
}

async function untilKnown(
  { registry, service }: RegistrarHarness,
  isSo: (instances: readonly Instance[]) => boolean,
): Promise<void> {
  await using watch = registry.watch(service);
  await new Promise<void>((resolve) => {
    watch.subscribe((view) => {
      if (view.state === 'known' && isSo(view.instances)) resolve();
    });
  });
}
