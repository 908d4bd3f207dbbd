import { formatAddress } from '../../address';
import { type Clock, delay } from '@movies/time';
import { KubernetesRegistry } from '../kubernetes-registry';
import type { ServiceWatch } from '../../registry';
import type { Snapshot } from '../../snapshot';
import { FakeApiServer } from '../../testing/fake-api-server';
import { scaledClock, until } from '@movies/time/testing';
import { sliceOf } from '../../testing/slices';
import { faultNext, faultPhases, type Fault, type FaultPhase } from './faults';

/** What a cell has to show, in milliseconds of the reflector's own time. */
export interface CellResult {
  /** From the first fault until the set was the server's again. */
  readonly recoveredMs: number;
  readonly reasons: readonly string[];
}

/** Runs one cell, its time 40 times as fast; throws unless it meets its fault, and recovers by itself. */
export async function runCell(
  fault: Fault,
  phase: FaultPhase,
  protocol: 'h2' | 'http/1.1',
): Promise<CellResult> {
  const clock = scaledClock(40);
  const fake = await FakeApiServer.start(protocol);
  const registry = new KubernetesRegistry({
    clock,
    idleMs: 10_000,
    findAccess: async () => ({
      server: fake.url,
      namespace: 'default',
      credentials: async () => ({ headers: {}, tls: { ca: fake.ca } }),
    }),
  });
  try {
    fake.put(sliceOf('metadata', ['10.0.0.1', '10.0.0.2', '10.0.0.3'], { name: 'metadata-a' }));
    fake.put(sliceOf('metadata', ['10.0.0.4', '10.0.0.5'], { name: 'metadata-b' }));
    const kind = phase === 'before' ? 'list' : 'watch';
    let left = phase === 'after' ? () => 0 : faultAll(fault, kind, fake);
    const struck = fake.next((call) => call.kind === kind);
    const watch = registry.watch('metadata');
    const shown = recordAddresses(watch);
    await struck;
    if (phase === 'after') left = await strikeOpenWatch(fault, fake, watch, clock);
    const began = clock.now();
    changeWhatIsThere(fake);
    await until(() => equal(watch.snapshot, fake) && watch.failure === undefined);
    const recoveredMs = clock.now() - began;
    fake.put(sliceOf('metadata', ['10.0.0.8'], { name: 'metadata-d' }));
    await until(() => equal(watch.snapshot, fake));
    const ever = new Set(fake.objects().changes.flatMap(({ object }) => addressesOf(object)));
    const strangers = [...shown].filter((address) => !ever.has(address));
    if (strangers.length > 0) throw new Error(`shown, but never there: ${strangers.join(', ')}`);
    const reasons = [...watch.restarts.keys()];
    const expected = fault.reasons[faultPhases.indexOf(phase)] ?? '';
    const missing = expected.split(',').filter((each) => each !== '' && !reasons.includes(each));
    if (left() > 0 || missing.length > 0) {
      throw new Error(
        `the fault was not met: ${left()} times left; told were ${reasons.join()}, not ${missing.join()}`,
      );
    }
    return { recoveredMs, reasons };
  } finally {
    await registry.close();
    await fake.stop();
  }
}

async function strikeOpenWatch(
  fault: Fault,
  fake: FakeApiServer,
  watch: ServiceWatch,
  clock: Clock,
): Promise<() => number> {
  await watch.firstSync();
  await until(() => fake.openWatches.length === 1);
  fake.put(sliceOf('metadata', ['10.0.0.4', '10.0.0.5', '10.0.0.9'], { name: 'metadata-b' }));
  await until(() => equal(watch.snapshot, fake));
  // A watch that has lived; one that ends sooner is a fault of its own.
  await delay(2500, clock, new AbortController().signal);
  const [open] = fake.openWatches;
  if (open === undefined) throw new Error('no watch is open');
  if (fault.strike !== undefined) {
    fault.strike(open, fake);
    return () => 0;
  }
  const left = faultAll(fault, 'watch', fake);
  open.end();
  return left;
}

/** Lets the next requests of a kind meet the fault, as often as it is meant. */
function faultAll(fault: Fault, kind: 'list' | 'watch', fake: FakeApiServer): () => number {
  const reaction = fault[kind];
  if (typeof reaction === 'string') throw new TypeError(reaction);
  return faultNext(fake, kind, reaction, fault.times ?? 3);
}

/** One endpoint leaves, one comes, a slice goes, a slice is new. */
function changeWhatIsThere(fake: FakeApiServer): void {
  fake.put(sliceOf('metadata', ['10.0.0.2', '10.0.0.3', '10.0.0.6'], { name: 'metadata-a' }));
  fake.remove('metadata-b');
  fake.put(sliceOf('metadata', ['10.0.0.7'], { name: 'metadata-c' }));
}

function recordAddresses(watch: ServiceWatch): Set<string> {
  const shown = new Set<string>();
  watch.subscribe(({ instances }) => {
    for (const instance of instances) shown.add(formatAddress(instance));
  });
  return shown;
}

function equal(snapshot: Snapshot | undefined, fake: FakeApiServer): boolean {
  if (snapshot === undefined) return false;
  const all = { namespace: undefined, labelSelector: undefined, fieldSelector: undefined };
  const there = fake.objects().select(all).flatMap(addressesOf).sort();
  return snapshot.instances.map(formatAddress).sort().join() === there.join();
}

function addressesOf(object: unknown): string[] {
  const { endpoints } = object as { endpoints: readonly { addresses: readonly string[] }[] };
  return endpoints.map(({ addresses: [address = ''] }) =>
    formatAddress({ host: address, port: 8080 }),
  );
}
