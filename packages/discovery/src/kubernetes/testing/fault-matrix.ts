import { formatAddress } from '../../address';
import type { Clock } from '../../clock';
import { delay } from '../../delay';
import { KubernetesRegistry } from '../kubernetes-registry';
import type { ServiceWatch } from '../../registry';
import type { Snapshot } from '../../snapshot';
import { statusOf } from '../../testing/api-documents';
import {
  FakeApiServer,
  type ApiCall,
  type ApiReaction,
  type OpenWatch,
} from '../../testing/fake-api-server';
import { scaledClock } from '../../testing/scaled-clock';
import { sliceOf } from '../../testing/slices';
import { until } from '../../testing/until';

/** When a fault strikes: at the first list; at the first watch, the list being known; in a watch that lives. */
export const faultPhases = ['before', 'during', 'after'] as const;
export type FaultPhase = (typeof faultPhases)[number];

/** A fault, as it looks to each kind of request; a text says why it has no meaning there. */
export interface Fault {
  readonly list: ApiReaction | string;
  readonly watch: ApiReaction | string;
  /** What happens to an open watch; by default it ends, and is answered with `watch` when it is begun again. */
  readonly strike?: (watch: OpenWatch, fake: FakeApiServer) => void;
  /** How often in a row. */
  readonly times?: number;
}

/** What a cell has to show, in milliseconds of the reflector's own time. */
export interface CellResult {
  /** From the first fault until the set was the server's again. */
  readonly recoveredMs: number;
  readonly reasons: readonly string[];
}

const ghost = sliceOf('metadata', ['10.9.9.9'], { name: 'metadata-ghost' });
const onlyInAWatch = 'events are of a watch';
const onlyInAList = 'a watch has no length';
/** No test ever puts it on the server: whoever shows it took a broken line for an event. */
const neverThere = JSON.stringify({ type: 'ADDED', object: sliceOf('metadata', ['10.8.8.8']) });

function event(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

function versioned(version: number) {
  return { ...ghost, metadata: { ...ghost.metadata, resourceVersion: String(version) } };
}

/** Each fault by its name in the table. */
export const faults: Readonly<Record<string, Fault>> = {
  silent: {
    list: { drop: 'hang' },
    watch: { drop: 'hang' },
    strike: (watch) => {
      watch.mute();
    },
    times: 1,
  },
  reset: {
    list: { drop: 'reset' },
    watch: { drop: 'reset' },
    strike: (watch) => {
      watch.reset();
    },
  },
  'clean close': { list: { script: '' }, watch: { script: '' } },
  '401': { list: { status: 401 }, watch: { status: 401 }, times: 4 },
  '403': { list: { status: 403 }, watch: { status: 403 } },
  '410 as event': {
    list: onlyInAWatch,
    watch: { script: event('ERROR', statusOf(410, 'too old')), open: true },
    strike: (watch, fake) => {
      fake.objects().compact();
      watch.event('ERROR', statusOf(410, 'too old'));
    },
    times: 1,
  },
  '410 as status': { list: { status: 410 }, watch: { status: 410 }, times: 1 },
  '429 + Retry-After': {
    list: { status: 429, headers: { 'retry-after': '2' } },
    watch: { status: 429, headers: { 'retry-after': '2' } },
  },
  '500 as event': {
    list: onlyInAWatch,
    watch: { script: event('ERROR', statusOf(500, 'etcd is away')), open: true },
    strike: (watch) => {
      watch.event('ERROR', statusOf(500, 'etcd is away'));
    },
  },
  '503': { list: { status: 503 }, watch: { status: 503 } },
  'bad line': {
    list: { script: '{"metadata":{"resourceVersion":"1"},"items":[{"oops\n' },
    watch: { script: `${neverThere.slice(0, -9)}}\n`, open: true },
    strike: (watch) => {
      watch.write(`${neverThere.slice(0, -9)}}\n`);
    },
  },
  'half a line': {
    list: { script: '{"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"a"' },
    watch: { script: neverThere },
    strike: (watch) => {
      watch.write(neverThere);
      watch.end();
    },
  },
  'slow list': {
    list: { script: '{"metadata":{"resourceVersion":"1"},"items":[', open: true },
    watch: onlyInAList,
    strike: (watch, fake) => {
      fake.objects().compact();
      watch.event('ERROR', statusOf(410, 'too old'));
      faultNext(fake, 'list', { script: '{"items":[', open: true }, 1);
    },
    times: 1,
  },
  'duplicate event': {
    list: onlyInAWatch,
    watch: { script: event('ADDED', versioned(1)) + event('ADDED', versioned(1)), open: true },
    strike: (watch, fake) => {
      const { type, object } = fake.objects().changes.at(-1) ?? { type: 'ADDED', object: ghost };
      watch.event(type, object);
      watch.event(type, object);
    },
    times: 1,
  },
  'event after delete': {
    list: onlyInAWatch,
    watch: { script: event('MODIFIED', versioned(1)), open: true },
    strike: (watch, fake) => {
      fake.put(ghost);
      const { version } = fake.objects();
      fake.remove('metadata-ghost');
      watch.event('MODIFIED', versioned(version));
    },
    times: 1,
  },
};

/** Why there is no such cell; `undefined` if there is. */
export function meaningless(fault: Fault, phase: FaultPhase): string | undefined {
  const reaction = phase === 'before' ? fault.list : fault.watch;
  if (phase === 'after' && fault.strike !== undefined) return undefined;
  return typeof reaction === 'string' ? reaction : undefined;
}

/** Runs one cell, its time 40 times as fast; throws unless the reflector recovers by itself. */
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
    const { times = 3 } = fault;
    if (phase === 'before' && typeof fault.list !== 'string') {
      faultNext(fake, 'list', fault.list, times);
    }
    if (phase === 'during' && typeof fault.watch !== 'string') {
      faultNext(fake, 'watch', fault.watch, times);
    }
    const struck = fake.next(({ kind }) => kind === (phase === 'before' ? 'list' : 'watch'));
    const watch = registry.watch('metadata');
    const shown = recordAddresses(watch);
    await struck;
    if (phase === 'after') await strikeOpenWatch(fault, fake, watch, clock);
    const began = clock.now();
    changeWhatIsThere(fake);
    await until(() => equal(watch.snapshot, fake) && watch.failure === undefined);
    const recoveredMs = clock.now() - began;
    fake.put(sliceOf('metadata', ['10.0.0.8'], { name: 'metadata-d' }));
    await until(() => equal(watch.snapshot, fake));
    const ever = new Set(fake.objects().changes.flatMap(({ object }) => addressesOf(object)));
    const strangers = [...shown].filter((address) => !ever.has(address));
    if (strangers.length > 0) throw new Error(`shown, but never there: ${strangers.join(', ')}`);
    return { recoveredMs, reasons: [...watch.restarts.keys()] };
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
): Promise<void> {
  await watch.firstSync();
  await until(() => fake.openWatches.length === 1);
  fake.put(sliceOf('metadata', ['10.0.0.4', '10.0.0.5', '10.0.0.9'], { name: 'metadata-b' }));
  await until(() => equal(watch.snapshot, fake));
  // A watch that has lived; one that ends sooner is a fault of its own.
  await delay(2500, clock, new AbortController().signal);
  const [open] = fake.openWatches;
  if (open === undefined) throw new Error('no watch is open');
  if (fault.strike !== undefined) fault.strike(open, fake);
  else if (typeof fault.watch !== 'string') {
    faultNext(fake, 'watch', fault.watch, fault.times ?? 3);
    open.end();
  }
}

/** Lets the next calls of a kind meet a reaction. */
function faultNext(
  fake: FakeApiServer,
  kind: ApiCall['kind'],
  reaction: ApiReaction,
  times: number,
) {
  let left = times;
  fake.react = (call) => {
    if (call.kind !== kind || left === 0) return undefined;
    left -= 1;
    return reaction;
  };
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
