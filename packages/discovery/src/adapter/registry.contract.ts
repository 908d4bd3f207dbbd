import { formatAddress } from '../address';
import { runClauses } from './clauses.contract';
import { DiscoveryError, type DiscoveryErrorCode } from '../discovery-error';
import { createInstance, type Instance } from '../instance';
import type { Registry, ServiceWatch } from '../registry';
import { failureOf, type Snapshot, type View } from '../view';
import { until } from '@movies/time/testing';

/** A registry under test, and control over the server behind it. */
export interface RegistryHarness {
  readonly registry: Registry;
  /**
   * Makes this the whole set at the server, in any way but through the watch under test; resolves when the server has
   * it. An adapter that polls has its clock moved here too.
   */
  publish(service: string, instances: readonly Instance[]): Promise<void>;
  /** Makes the server stop answering. Absent where nothing can. */
  breakDown?(): Promise<void>;
  /** Makes it answer again, with the sets that were published last. */
  repair?(): Promise<void>;
  /** Closes the registry and the server. */
  close(): Promise<void>;
}

const service = 'metadata';
const [one, two, three] = [instanceAt('10.0.0.1'), instanceAt('10.0.0.2'), instanceAt('10.0.0.3')];

/**
 * The contract of `Registry`: a clause a test. Sets are compared by address, and all instances share
 * one port and are ready, so that adapters which know neither ids nor states nor ports can run it too.
 * The registry is taken from the harness only after the first sets are published: one with fixed sets
 * may be made then.
 */
const clauses = {
  'a subscriber gets the whole set, never a difference': async (harness) => {
    await harness.publish(service, [one, two]);
    const watch = harness.registry.watch(service);
    await heard(watch, has(one, two));
    await harness.publish(service, [one, two, three]);
    await heard(watch, has(one, two, three));
    await harness.publish(service, [two, three]);
    await heard(watch, has(two, three));
  },

  'the present set comes first, as soon as it is known': async (harness) => {
    await harness.publish(service, [one, two]);
    const watch = harness.registry.watch(service);
    const early = record(watch);
    await watch.synced();
    const late = record(watch);
    expect(late).toEqual([]);
    await settled();
    expect(early.map(addresses)).toEqual([addresses([one, two])]);
    expect(late.map(addresses)).toEqual([addresses([one, two])]);
  },

  'each service has a set of its own': async (harness) => {
    await harness.publish(service, [one]);
    await harness.publish('rating', [instanceAt('10.0.0.2', 'rating')]);
    const { registry } = harness;
    expect(addresses(await registry.discover(service))).toEqual(addresses([one]));
    expect(addresses(await registry.discover('rating'))).toEqual(addresses([two]));
  },

  'the same set is not sent twice': async (harness) => {
    await harness.publish(service, [one, two]);
    const watch = harness.registry.watch(service);
    await heard(watch, has(one, two));
    const snapshots = record(watch);
    await settled();
    await harness.publish(service, [two, one]);
    await harness.publish(service, [one, two, three]);
    await heard(watch, has(one, two, three));
    const sets = snapshots.map((snapshot) => addresses(snapshot).join());
    expect(sets.filter((set, i) => set === sets[i - 1])).toEqual([]);
  },

  'an unknown service is an empty set': async ({ registry }) => {
    const { instances } = await registry.watch('nobody').synced();
    expect(instances).toEqual([]);
  },

  'discover rejects an empty set with no_instances and says what is known': async (harness) => {
    const error = await rejection(harness.registry.discover('nobody'));
    expect(error.code).toBe('no_instances');
    expect(error.message).toMatch(/'nobody'.*known, and empty/);
  },

  'not yet known is not known to be empty': async (harness) => {
    await harness.publish(service, [one]);
    await breakDown(harness);
    const watch = harness.registry.watch(service);
    const synced = watch.synced({ timeoutMs: 300_000 });
    expect([watch.view.state, watch.ageMs]).toEqual(['unknown', undefined]);
    await repair(harness);
    expect(await synced).toHaveProperty('version', 1);
    // Not at once: a registry that lost its state in the outage is empty until it is filled again.
    await heard(watch, has(one));
    expect(addresses(await harness.registry.discover(service))).toEqual(addresses([one]));
  },

  'discover waits for the first sync up to a limit': async (harness) => {
    await breakDown(harness);
    const error = await rejection(harness.registry.discover(service));
    expect(error.code).toBe('registry_unavailable');
    expect(error.message).toContain(`'${service}'`);
  },

  'a signal ends the wait of discover': async (harness) => {
    const reason = new Error('no longer wanted');
    const discovered = harness.registry.discover(service, { signal: AbortSignal.abort(reason) });
    await expect(discovered).rejects.toBe(reason);
  },

  'a failure is reported beside the last good set, which stays in force': async (harness) => {
    await harness.publish(service, [one, two]);
    const watch = harness.registry.watch(service);
    const { version } = await heard(watch, has(one, two));
    await breakDown(harness);
    const failed = await heard(watch, ({ failure }) => failure !== undefined);
    expect(failed.failure?.code).toBe('registry_unavailable');
    expect(failureOf(watch.view)).toBe(failed.failure);
    expect([addresses(failed), failed.version]).toEqual([addresses([one, two]), version]);
    expect(addresses(await harness.registry.discover(service))).toEqual(addresses([one, two]));
    await repair(harness);
    const healed = await heard(watch, ({ failure }) => failure === undefined);
    expect([addresses(healed), healed.version]).toEqual([addresses([one, two]), version]);
    expect(failureOf(watch.view)).toBeUndefined();
  },

  'a failure before the first sync is told': async (harness) => {
    await breakDown(harness);
    const watch = harness.registry.watch(service);
    const view = await new Promise<View>((resolve) => watch.subscribe(resolve));
    expect([view.state, failureOf(view)?.code]).toEqual(['unknown', 'registry_unavailable']);
    expect(watch.failures.size).toBeGreaterThan(0);
  },

  'a wait that fails fast does not wait for the registry to heal': async (harness) => {
    await breakDown(harness);
    const wait = harness.registry.discover(service, { failFast: true, timeoutMs: Infinity });
    expect((await rejection(wait)).code).toBe('registry_unavailable');
  },

  'a set is equal again after the registry failed several times': async (harness) => {
    await harness.publish(service, [one, two]);
    const watch = harness.registry.watch(service);
    await heard(watch, has(one, two));
    for (const set of [[one], [three], [two, three]]) {
      await breakDown(harness);
      await heard(watch, ({ failure }) => failure !== undefined);
      await harness.publish(service, set);
      await repair(harness);
      await heard(watch, ({ failure }) => failure === undefined);
    }
    await heard(watch, has(two, three));
  },

  'a target that the registry cannot have is told at once, and disturbs no other': async (
    harness,
  ) => {
    await harness.publish(service, [one]);
    const { registry } = harness;
    const bad = registry.watch('a name, that no service has');
    const error = await rejection(bad.synced({ timeoutMs: Infinity }));
    expect(error.code).toBe('invalid_target');
    expect(error.message).toContain("'a name, that no service has'");
    expect(failureOf(bad.view)).toBe(error);
    expect(addresses(await registry.discover(service))).toEqual(addresses([one]));
  },

  'an authoritative empty response empties the set': async (harness) => {
    await harness.publish(service, [one, two]);
    const watch = harness.registry.watch(service);
    await heard(watch, has(one, two));
    await harness.publish(service, []);
    await heard(watch, has());
  },

  'a set is frozen and has a version that rises when it changes': async (harness) => {
    await harness.publish(service, [one, two]);
    const watch = harness.registry.watch(service);
    const before = await heard(watch, has(one, two));
    expect(before.version).toBeGreaterThanOrEqual(1);
    expect(unfrozen(before)).toEqual([]);
    await harness.publish(service, [one, two, three]);
    const after = await heard(watch, has(one, two, three));
    expect(after.version).toBeGreaterThan(before.version);
    expect(addresses(before)).toEqual(addresses([one, two]));
  },

  'a set is ordered by id': async (harness) => {
    await harness.publish(service, [three, one, two]);
    const { instances } = await heard(harness.registry.watch(service), has(one, two, three));
    const ids = instances.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted());
  },

  'all watches of a service share one set': async (harness) => {
    await harness.publish(service, [one, two]);
    const { registry } = harness;
    const { instances } = await heard(registry.watch(service), has(one, two));
    expect((await registry.watch(service).synced()).instances).toBe(instances);
    expect(await registry.discover(service)).toBe(instances);
  },

  'after close of a watch there is silence, and the others go on': async (harness) => {
    await harness.publish(service, [one]);
    const closed = harness.registry.watch(service);
    const other = harness.registry.watch(service);
    await Promise.all([closed.synced(), other.synced()]);
    const snapshots = record(closed);
    await settled();
    await closed.close();
    await harness.publish(service, [one, two]);
    await heard(other, has(one, two));
    expect(snapshots.map(addresses)).toEqual([addresses([one])]);
    expect([closed.view.state, closed.ageMs]).toEqual(['closed', undefined]);
  },

  'after close of the registry there is silence, and everything rejects with closed': async (
    harness,
  ) => {
    await harness.publish(service, [one]);
    const watch = harness.registry.watch(service);
    await watch.synced();
    const snapshots = record(watch);
    await settled();
    const closed = harness.registry.close();
    expect(watch.view.state).toBe('closed');
    await closed;
    const late = harness.registry.watch(service);
    expect(snapshots.map(addresses)).toEqual([addresses([one])]);
    expect([watch.view.state, late.view.state]).toEqual(['closed', 'closed']);
    const waits = [watch.synced(), late.synced(), harness.registry.discover(service)];
    const codes = await Promise.all(waits.map(async (wait) => (await rejection(wait)).code));
    expect(codes).toEqual<DiscoveryErrorCode[]>(['closed', 'closed', 'closed']);
  },

  'a listener is never called before subscribe returns, and may end in any call': async (
    harness,
  ) => {
    await harness.publish(service, [one]);
    const watch = harness.registry.watch(service);
    await watch.synced();
    const other = harness.registry.watch(service);
    let calls = 0;
    const end = watch.subscribe(() => {
      calls += 1;
      end();
    });
    const closing = harness.registry.watch(service);
    const states: View['state'][] = [];
    closing.subscribe(({ state }) => {
      states.push(state);
      void closing.close();
    });
    expect([calls, states]).toEqual([0, []]);
    await harness.publish(service, [one, two]);
    await heard(other, has(one, two));
    expect([calls, states]).toEqual([1, ['known', 'closed']]);
  },

  'iterating a watch gives the newest snapshot each time, and ends when it is closed': async (
    harness,
  ) => {
    await harness.publish(service, [one]);
    const watch = harness.registry.watch(service);
    const snapshots: Snapshot[] = [];
    const iterated = (async () => {
      for await (const snapshot of watch) snapshots.push(snapshot);
    })();
    await heard(watch, has(one));
    await harness.publish(service, [one, two]);
    await heard(watch, has(one, two));
    await settled();
    await watch.close();
    await iterated;
    expect(snapshots.map(addresses)).toEqual([addresses([one]), addresses([one, two])]);
  },

  'a signal ends a wait that is under way, and a watch': async (harness) => {
    await harness.publish(service, [one]);
    const reason = new Error('no longer wanted');
    const abort = new AbortController();
    const { signal } = abort;
    const watch = harness.registry.watch(service, { signal });
    await watch.synced();
    const unknown = harness.registry.watch('nobody');
    const wait = unknown.synced({ signal, timeoutMs: Infinity });
    abort.abort(reason);
    await expect(wait).rejects.toBe(reason);
    expect(watch.view.state).toBe('closed');
  },

  'a service is watched anew after its last watch closed': async (harness) => {
    await harness.publish(service, [one]);
    const { registry } = harness;
    const first = registry.watch(service);
    await first.synced();
    await first.close();
    await harness.publish(service, [two]);
    expect(await heard(registry.watch(service), has(two))).toHaveProperty('version', 1);
  },

  'closing twice is fine': async ({ registry }) => {
    const watch = registry.watch(service);
    await Promise.all([watch.close(), watch.close()]);
    await watch.close();
    await Promise.all([registry.close(), registry.close()]);
    await registry[Symbol.asyncDispose]();
  },

  'no promise is left pending after close': async ({ registry }) => {
    const watch = registry.watch(service);
    const waits = [watch.synced(), registry.discover(service), registry.discover('nobody')];
    await registry.close();
    for (const result of await Promise.allSettled(waits)) {
      if (result.status === 'fulfilled') continue;
      expect(['closed', 'no_instances']).toContain((result.reason as DiscoveryError).code);
    }
  },

  'no socket or timer stays after close': async (harness) => {
    await harness.publish(service, [one]);
    const { registry } = harness;
    const before = openResources();
    const watch = registry.watch(service);
    await heard(watch, has(one));
    await registry.discover('nobody').catch(() => undefined);
    await registry.close();
    await until(() => openResources() <= before);
  },
} satisfies Record<string, (harness: RegistryHarness) => Promise<void>>;

/** The name of a clause, as the exceptions name it. */
export type RegistryClause = keyof typeof clauses;

/** Runs every clause against an adapter. One that it cannot meet is an exception, with its reason. */
export function registryContract(
  name: string,
  open: () => Promise<RegistryHarness> | RegistryHarness,
  exceptions: Partial<Record<RegistryClause, string>> = {},
): void {
  runClauses(`${name} keeps the contract of a registry:`, clauses, open, exceptions);
}

function instanceAt(host: string, of = service): Instance {
  return createInstance({ id: `${of}-${host}`, service: of, host, port: 8080 });
}

function addresses(set: Snapshot | readonly Instance[]): string[] {
  return ('instances' in set ? set.instances : set).map(formatAddress).sort();
}

function has(...instances: readonly Instance[]): (snapshot: Snapshot) => boolean {
  return (snapshot) => addresses(snapshot).join() === addresses(instances).join();
}

/** Resolves with the first snapshot that the watch tells, or told before, and that fits. */
function heard(watch: ServiceWatch, fits: (snapshot: Snapshot) => boolean): Promise<Snapshot> {
  return new Promise((resolve) => {
    watch.subscribe((view) => {
      if (view.state === 'known' && fits(view)) resolve(view);
    });
  });
}

function record(watch: ServiceWatch): Snapshot[] {
  const snapshots: Snapshot[] = [];
  watch.subscribe((view) => {
    if (view.state === 'known') snapshots.push(view);
  });
  return snapshots;
}

/** Every promise that can settle without time has done so. */
function settled(): Promise<void> {
  return new Promise(setImmediate);
}

async function rejection(promise: Promise<unknown>): Promise<DiscoveryError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof DiscoveryError))
    throw new Error('expected a DiscoveryError', { cause: error });
  return error;
}

async function breakDown(harness: RegistryHarness): Promise<void> {
  if (harness.breakDown === undefined)
    throw new Error('nothing here can break down: an exception?');
  await harness.breakDown();
}

async function repair(harness: RegistryHarness): Promise<void> {
  await harness.repair?.();
}

function unfrozen(snapshot: Snapshot): unknown[] {
  const parts = [snapshot, snapshot.instances, ...snapshot.instances];
  return [...parts, ...snapshot.instances.map(({ labels }) => labels)].filter(
    (part) => !Object.isFrozen(part),
  );
}

/** Timers and sockets of this process, those of the server included, both before and after. */
function openResources(): number {
  const kinds = ['Timeout', 'TCPSocketWrap', 'TLSWrap', 'TCPConnectWrap', 'UDPWrap'];
  return process.getActiveResourcesInfo().filter((kind) => kinds.includes(kind)).length;
}
