import { percentile } from '../load';
import type { Arrival } from './backend-process';
import type { Sample } from './load';
import type { PhaseName } from './phase';
import type { Mark } from './stage';

/** When a phase was, in milliseconds of the machine's clock. */
export interface PhaseTime {
  readonly name: PhaseName;
  readonly beginMs: number;
  readonly endMs: number;
}

/** All that was noted in a run. */
export interface RunRecord {
  readonly samples: readonly Sample[];
  /** By instance. */
  readonly arrivals: ReadonlyMap<string, readonly Arrival[]>;
  readonly phases: readonly PhaseTime[];
  readonly marks: readonly Mark[];
  /** The registry's set at the end. */
  readonly finalSet: readonly string[];
  /** Of the client's process with its load, from `healthy` to the end. */
  readonly cpuSeconds: number;
}

/** A stretch of the time line. */
export interface Bin {
  /** Its beginning, in seconds since the beginning of the fault. */
  readonly atSeconds: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Share of the requests that failed. */
  readonly failed: number;
}

/** What a run came to; `null` for what it has not. Unless named otherwise, of the phase `fault`. */
export interface RunFigures {
  readonly asked: number;
  /** The phases `fault` and `after`. */
  readonly failedReads: number;
  readonly failedPuts: number;
  /** A POST that reached an instance, or whose connection broke: no client may repeat it. */
  readonly failedPostsSent: number;
  readonly failedPostsUnsent: number;
  /** POSTs that were done more than once, of the whole run. */
  readonly postsTwice: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly darkFailed: number;
  /** Latencies are those of the answered requests. */
  readonly healthyP50Ms: number | null;
  readonly healthyP99Ms: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly p999Ms: number | null;
  readonly maxMs: number | null;
  readonly slowerThan500Ms: number;
  readonly answeredPerSecond: number;
  /** Requests that reached backends, for each that was asked for. */
  readonly amplification: number;
  /** Share of what reached backends that reached marked ones. */
  readonly markedShare: number | null;
  /** Of the instances in the final set, in the second half of the last phase. */
  readonly leastShare: number | null;
  readonly mostShare: number | null;
  /** From the mark to the first request there; the median of several marks. */
  readonly firstUseMs: number | null;
  /** From the mark until the marked ones get half of their fair share. */
  readonly halfShareMs: number | null;
  /** From the beginning of `after` to the moment at which the last request that failed was due; 0 if none failed. */
  readonly lastFailureMs: number | null;
  readonly cpuSecondsPer1000: number;
  /** From the beginning of the fault to that of `after`. */
  readonly healedAfterSeconds: number | null;
  readonly timeline: readonly Bin[];
}

export function figuresOf(record: RunRecord): RunFigures {
  const { samples, phases, marks, finalSet, cpuSeconds } = record;
  const arrivals = [...record.arrivals.values()].flat();
  const reached = countBy(arrivals, ({ id }) => id);
  const of = (name: PhaseName) => {
    const times = phases.filter((phase) => phase.name === name);
    return samples.filter(({ atMs }) => times.some((time) => isWithin(time, atMs)));
  };
  const [healthyOnes, fault, dark, after] = [of('healthy'), of('fault'), of('dark'), of('after')];
  const failed = [...fault, ...after].filter(isFailed);
  const failedPosts = failed.filter(({ method }) => method === 'POST');
  const wasSent = ({ id, outcome }: Sample) => outcome === 'reset' || reached.has(id);
  const healthyMs = latencies(healthyOnes);
  const answeredMs = latencies(fault);
  const faultMs = sum(
    phases.filter(({ name }) => name === 'fault').map(({ beginMs, endMs }) => endMs - beginMs),
  );
  const begin = phases.find(({ name }) => name === 'after')?.beginMs;
  const faultBegin = phases.find(({ name }) => name === 'fault')?.beginMs ?? 0;
  const lastFailedAt = after.filter(isFailed).at(-1)?.atMs;
  const marked = new Set(marks.flatMap(({ ids }) => ids));
  const faultIds = new Set(fault.map(({ id }) => id));
  const ofFault = (some: readonly Arrival[]) => some.filter(({ id }) => faultIds.has(id)).length;
  const arrivedInFault = ofFault(arrivals);
  const arrivedAtMarked = ofFault([...marked].flatMap((id) => record.arrivals.get(id) ?? []));
  const shares = sharesAtEnd(record.arrivals, finalSet, phases.at(-1));
  const measured = samples.filter(({ atMs }) => atMs >= (phases[1]?.beginMs ?? 0));
  return {
    asked: fault.length,
    failedReads: failed.filter(({ method }) => method === 'GET').length,
    failedPuts: failed.filter(({ method }) => method === 'PUT').length,
    failedPostsSent: failedPosts.filter(wasSent).length,
    failedPostsUnsent: failedPosts.filter((sample) => !wasSent(sample)).length,
    postsTwice: postsTwice(arrivals),
    failures: Object.fromEntries(countBy(failed, ({ outcome }) => outcome)),
    darkFailed: dark.filter(isFailed).length,
    healthyP50Ms: orNull(percentile(healthyMs, 0.5)),
    healthyP99Ms: orNull(percentile(healthyMs, 0.99)),
    p50Ms: orNull(percentile(answeredMs, 0.5)),
    p99Ms: orNull(percentile(answeredMs, 0.99)),
    p999Ms: orNull(percentile(answeredMs, 0.999)),
    maxMs: orNull(Math.max(...answeredMs)),
    slowerThan500Ms: answeredMs.filter((ms) => ms > 500).length,
    answeredPerSecond: (answeredMs.length / faultMs) * 1000,
    amplification: arrivedInFault / fault.length,
    markedShare: marked.size === 0 ? null : orNull(arrivedAtMarked / arrivedInFault),
    leastShare: orNull(Math.min(...shares)),
    mostShare: orNull(Math.max(...shares)),
    firstUseMs: medianOrNull(marks.map((mark) => firstUseMs(sentAfter(record, mark), mark))),
    halfShareMs: medianOrNull(marks.map((mark) => halfShareMs(sentAfter(record, mark), mark))),
    lastFailureMs: begin === undefined ? null : (lastFailedAt ?? begin) - begin,
    cpuSecondsPer1000: (cpuSeconds / measured.length) * 1000,
    healedAfterSeconds: begin === undefined ? null : (begin - faultBegin) / 1000,
    timeline: timelineOf(measured, faultBegin),
  };
}

function isFailed({ outcome }: Sample): boolean {
  return outcome !== 'ok';
}

function isWithin({ beginMs, endMs }: PhaseTime, atMs: number): boolean {
  return beginMs <= atMs && atMs < endMs;
}

function latencies(samples: readonly Sample[]): number[] {
  return samples.filter((sample) => !isFailed(sample)).map(({ latencyMs }) => latencyMs);
}

/** A refused one was not done, so that only those that were answered 200, or would have been, count. */
function postsTwice(arrivals: readonly Arrival[]): number {
  const done = arrivals.filter(({ method, status }) => method === 'POST' && status === 200);
  return [...countBy(done, ({ id }) => id).values()].filter((times) => times > 1).length;
}

function sharesAtEnd(
  arrivals: RunRecord['arrivals'],
  ids: readonly string[],
  last: PhaseTime | undefined,
): number[] {
  if (last === undefined) return [];
  const half = { ...last, beginMs: (last.beginMs + last.endMs) / 2 };
  const counts = ids.map(
    (id) => (arrivals.get(id) ?? []).filter(({ atMs }) => isWithin(half, atMs)).length,
  );
  return counts.map((count) => count / sum(counts));
}

/** Without what had waited at a stopped instance. */
function sentAfter({ samples, arrivals }: RunRecord, mark: Mark): RunRecord['arrivals'] {
  const ids = new Set(samples.filter(({ atMs }) => atMs >= mark.atMs).map(({ id }) => id));
  return new Map(
    [...arrivals].map(([instance, all]) => [instance, all.filter(({ id }) => ids.has(id))]),
  );
}

/** `Infinity` if it was never used. */
function firstUseMs(arrivals: RunRecord['arrivals'], { ids, atMs }: Mark): number {
  const moments = ids.flatMap((id) => (arrivals.get(id) ?? []).map((arrival) => arrival.atMs));
  return Math.min(...moments) - atMs;
}

const windowMs = 500;
const stepMs = 50;

/** The first moment from which a window of half a second has half of the fair share; `Infinity` if none has. */
function halfShareMs(arrivals: RunRecord['arrivals'], { ids, atMs, of }: Mark): number {
  const all = [...arrivals.values()].flat().map((arrival) => arrival.atMs);
  const marked = ids.flatMap((id) => (arrivals.get(id) ?? []).map((arrival) => arrival.atMs));
  const count = (moments: readonly number[], from: number) =>
    moments.filter((at) => from <= at && at < from + windowMs).length;
  const last = Math.max(...all) - windowMs;
  for (let from = atMs; from <= last; from += stepMs) {
    if (count(marked, from) >= (0.5 * ids.length * count(all, from)) / of) return from - atMs;
  }
  return Infinity;
}

function timelineOf(samples: readonly Sample[], begin: number): Bin[] {
  const bins = new Map<number, Sample[]>();
  for (const sample of samples) {
    const bin = Math.floor((sample.atMs - begin) / windowMs);
    bins.set(bin, [...(bins.get(bin) ?? []), sample]);
  }
  return [...bins].map(([bin, some]) => ({
    atSeconds: (bin * windowMs) / 1000,
    p50Ms: orNull(percentile(latencies(some), 0.5)),
    p99Ms: orNull(percentile(latencies(some), 0.99)),
    failed: some.filter(isFailed).length / some.length,
  }));
}

function countBy<T, K>(values: readonly T[], keyOf: (value: T) => K): Map<K, number> {
  const counts = new Map<K, number>();
  for (const value of values) counts.set(keyOf(value), (counts.get(keyOf(value)) ?? 0) + 1);
  return counts;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** JSON has no other word for it. */
function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** The lower one of the two in the middle, since either may be infinite. */
function medianOrNull(values: readonly number[]): number | null {
  return orNull(values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? NaN);
}
