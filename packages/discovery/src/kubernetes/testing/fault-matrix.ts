import { ManualClock } from '@movies/time/testing';
import { formatAddress } from '../../address';
import type { ServiceWatch } from '../../registry';
import { failureOf } from '../../view';
import { FakeApiServer } from '../../testing/fake-api-server';
import { sliceOf } from '../../testing/slices';
import { KubernetesRegistry } from '../kubernetes-registry';
import { faultPhases, struckIn, type Fault, type FaultPhase } from './faults';

/** What a cell has to show. */
export interface CellResult {
  /** How often the fault was met while it lasted. */
  readonly met: number;
  /** Milliseconds of the clock from its end until the set was the server's again, without a failure. */
  readonly recoveredMs: number;
  readonly reasons: readonly string[];
}

const minute = 60_000;
const service = 'metadata';
/** A service whose requests meet no fault. */
const neighbour = 'rating';

/** Runs one cell. Throws unless it meets its fault, keeps within its bounds, and recovers by itself. */
export async function runCell(
  fault: Fault,
  phase: FaultPhase,
  protocol: 'h2' | 'http/1.1',
): Promise<CellResult> {
  const struck = struckIn(fault, phase);
  if ('without' in struck) throw new TypeError(struck.without);
  const clock = new ManualClock();
  const fake = await FakeApiServer.start(protocol);
  const registry = new KubernetesRegistry({
    clock,
    findAccess: async () => {
      const { server = fake.url, token = 'any', ca = [fake.ca] } = fault.access?.(fake) ?? {};
      const headers = { authorization: `Bearer ${token}` };
      return {
        server,
        namespace: 'default',
        credentials: async () => ({ headers, tls: { ca: [...ca] } }),
      };
    },
  });
  const cancelBookmarks = bookmarkEachMinute(fake, clock);
  try {
    fake.put(sliceOf(neighbour, ['10.0.1.1']));
    fake.put(sliceOf(service, ['10.0.0.1', '10.0.0.2', '10.0.0.3'], { name: 'metadata-a' }));
    fake.put(sliceOf(service, ['10.0.0.4', '10.0.0.5'], { name: 'metadata-b' }));
    const beside = registry.watch(neighbour);
    await pass(fake, clock, () => beside.view.state === 'known' && fake.openWatches.length === 1);

    let isOn = phase !== 'after';
    let met = 0;
    const calls: { readonly kind: string; readonly at: number }[] = [];
    fake.react = (call) => {
      if (call.query.get('labelSelector')?.endsWith(`=${service}`) !== true) return undefined;
      calls.push({ kind: call.kind, at: clock.now() });
      if (!isOn || call.kind !== struck.kind) return undefined;
      if (met === 0 && phase !== 'after') changeWhatIsThere(fake);
      const { reaction } = struck;
      const its = typeof reaction === 'function' ? reaction(call, fake) : reaction;
      if (its !== undefined) met += 1;
      return its;
    };
    const watch = registry.watch(service);
    const shown = recordAddresses(watch);
    if (phase === 'after') {
      await letLive(fake, clock, watch);
      isOn = true;
      strike(fault, fake);
      changeWhatIsThere(fake);
    }
    await passFor(fake, clock, fault.lastsMs ?? 15 * minute);
    const isRightMeanwhile = equal(watch, fake);

    isOn = false;
    const endedAt = clock.now();
    fake.put(sliceOf(service, ['10.0.0.8'], { name: 'metadata-d' }));
    await pass(fake, clock, () => equal(watch, fake) && failureOf(watch.view) === undefined);
    const recoveredMs = clock.now() - endedAt;
    fake.put(sliceOf(neighbour, ['10.0.1.2']));
    await pass(fake, clock, () => addressesIn(beside).join() === '10.0.1.2:8080');

    const reasons = [...watch.failures.keys()].sort();
    const expected = fault.reasons[faultPhases.indexOf(phase)] ?? '';
    check(met > 0 || expected === '', 'the fault was not met');
    check(reasons.join() === expected, `the failures are ${reasons.join()}, not ${expected}`);
    check(struck.kind === 'list' || isRightMeanwhile, 'no list made up for the watches');
    checkLoad(calls, fault);
    const ever = new Set(fake.objects().changes.flatMap(({ object }) => addressesOf(object)));
    const strangers = [...shown].filter((address) => !ever.has(address));
    check(strangers.length === 0, `shown, but never there: ${strangers.join()}`);
    const besides = [...beside.failures.keys()];
    const isShared =
      (protocol === 'h2' && fault.breaksConnection === true) || fault.access !== undefined;
    check(besides.length === 0 || isShared, `another service failed: ${besides.join()}`);
    return { met, recoveredMs, reasons };
  } finally {
    cancelBookmarks();
    await registry.close();
    await fake.stop();
  }
}

/** No list sooner than a second after the one before, and few requests; each 401 is answered by a second request. */
function checkLoad(calls: readonly { readonly kind: string; readonly at: number }[], fault: Fault) {
  const listedAt = calls.filter(({ kind }) => kind === 'list').map(({ at }) => at);
  const gaps = listedAt.slice(1).map((at, i) => at - (listedAt[i] ?? 0));
  const isTwice = fault.isAskedTwice === true;
  check(
    gaps.every((gap) => gap >= 1000 - 1e-6 || (gap === 0 && isTwice)),
    `two lists were begun within a second: ${Math.min(...gaps)} ms`,
  );
  const perSecond = fault.lastsMs === undefined ? 1 : 10;
  const lastedS = ((calls.at(-1)?.at ?? 0) - (calls[0]?.at ?? 0)) / 1000;
  check(calls.length <= 20 + lastedS * perSecond, `${calls.length} requests were sent`);
}

function check(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new Error(otherwise);
}

/** A server sends a quiet watch its version about every minute. */
function bookmarkEachMinute(fake: FakeApiServer, clock: ManualClock): () => void {
  let cancel: () => void = () => undefined;
  const next = () => {
    cancel = clock.schedule(minute, () => {
      fake.bookmark();
      next();
    });
  };
  next();
  return () => {
    cancel();
  };
}

/** Until everything that can happen without time has happened: all is in this process, and a socket takes some turns. */
async function settle(fake: FakeApiServer): Promise<void> {
  let before = '';
  for (let quiet = 0; quiet < 12; quiet += 1) {
    await new Promise(setImmediate);
    if (fake.activity === before) continue;
    before = fake.activity;
    quiet = 0;
  }
}

/** Lets time pass, from one timer to the next, until it is so; at most an hour. */
async function pass(fake: FakeApiServer, clock: ManualClock, isSo: () => boolean): Promise<void> {
  const endsAt = clock.now() + 60 * minute;
  for (;;) {
    await settle(fake);
    if (isSo()) return;
    if (clock.now() > endsAt) throw new Error('it did not come to be within an hour');
    await clock.advance(clock.nextInMs ?? 1000);
  }
}

async function passFor(fake: FakeApiServer, clock: ManualClock, ms: number): Promise<void> {
  let isOver = false;
  clock.schedule(ms, () => {
    isOver = true;
  });
  await pass(fake, clock, () => isOver);
}

/** A watch that has had an event and has lived; one that ends sooner is a fault of its own. */
async function letLive(fake: FakeApiServer, clock: ManualClock, watch: ServiceWatch) {
  await pass(fake, clock, () => equal(watch, fake) && fake.openWatches.length === 2);
  fake.put(sliceOf(service, ['10.0.0.4', '10.0.0.5', '10.0.0.9'], { name: 'metadata-b' }));
  await pass(fake, clock, () => equal(watch, fake));
  await passFor(fake, clock, 2500);
}

function strike(fault: Fault, fake: FakeApiServer): void {
  const open = fake.openWatches.at(-1);
  if (open === undefined) throw new Error('no watch is open');
  if (fault.strike === undefined) open.end();
  else fault.strike(open, fake);
}

/** One endpoint leaves, one comes, a slice goes, a slice is new. */
function changeWhatIsThere(fake: FakeApiServer): void {
  fake.put(sliceOf(service, ['10.0.0.2', '10.0.0.3', '10.0.0.6'], { name: 'metadata-a' }));
  fake.remove('metadata-b');
  fake.put(sliceOf(service, ['10.0.0.7'], { name: 'metadata-c' }));
}

function recordAddresses(watch: ServiceWatch): Set<string> {
  const shown = new Set<string>();
  watch.subscribe(() => {
    for (const address of addressesIn(watch)) shown.add(address);
  });
  return shown;
}

function addressesIn({ view }: ServiceWatch): string[] {
  return view.state === 'known' ? view.instances.map(formatAddress).sort() : [];
}

function equal(watch: ServiceWatch, fake: FakeApiServer): boolean {
  const labelSelector = `kubernetes.io/service-name=${service}`;
  const filter = { namespace: undefined, labelSelector, fieldSelector: undefined };
  const there = fake.objects().select(filter).flatMap(addressesOf).sort();
  return watch.view.state === 'known' && addressesIn(watch).join() === there.join();
}

function addressesOf(object: unknown): string[] {
  const { endpoints } = object as { endpoints: readonly { addresses: readonly string[] }[] };
  return endpoints.map(({ addresses: [address = ''] }) =>
    formatAddress({ host: address, port: 8080 }),
  );
}
