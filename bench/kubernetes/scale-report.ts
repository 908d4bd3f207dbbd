import { againstAim, median, table } from '../table';
import type { LoopLag, Stamps } from './watch-gauge';
import type { HeapUse } from './watch-ours';

export interface WatcherResult {
  readonly name: string;
  /** Of a core, in each stretch. */
  readonly cpuPercent: readonly number[];
  readonly lag: LoopLag;
  readonly stamps: Stamps;
  /** Whether its set is the API server's at the end; `undefined` if it keeps none. */
  readonly isEqual: boolean | undefined;
}

export interface ScaleResult {
  readonly endpoints: number;
  readonly seconds: number;
  /** When each change was sent to the API server. */
  readonly written: Stamps;
  readonly heap: HeapUse;
  readonly bare: WatcherResult;
  readonly ours: WatcherResult;
  readonly informer: WatcherResult;
}

export function reportScale(result: ScaleResult): string {
  const { endpoints, seconds, written, heap, bare, ours, informer } = result;
  const rows = [bare, ours, informer].map((watcher) => {
    const fromWrite = delays(written, watcher.stamps);
    const fromWire = delays(bare.stamps, watcher.stamps);
    return [
      watcher.name,
      median(watcher.cpuPercent).toFixed(1),
      ratio(watcher, bare).toFixed(2),
      watcher.lag.p99Ms.toFixed(1),
      watcher.lag.maxMs.toFixed(1),
      ...[0.5, 0.99].map((p) => percentile(fromWrite, p).toFixed(1)),
      ...[0.5, 0.99].map((p) => (watcher === bare ? '' : percentile(fromWire, p).toFixed(1))),
      watcher.isEqual === undefined ? '' : watcher.isEqual ? 'yes' : 'NO',
    ];
  });
  const header = [
    `${endpoints} endpoints`,
    'CPU %',
    '÷ bare',
    'lag p99',
    'max ms',
    'write → known p50',
    'p99 ms',
    'wire → known p50',
    'p99 ms',
    'set equal',
  ];
  const wireToPick = delays(bare.stamps, ours.stamps);
  const rate = Object.keys(written).length / seconds;
  const megabytes = (bytes: number) => bytes / 1024 / 1024;
  return [
    table(header, rows),
    '',
    `${rate.toFixed(1)} slice updates with 20 changes a second for ${seconds} s`,
    `CPU, % of a core: ${againstAim(median(ours.cpuPercent), { most: 10 })}`,
    `CPU ÷ bare read and parse, stretch by stretch: ${againstAim(ratio(ours, bare), { most: 1.3 })}`,
    `event loop lag, p99 ms: ${againstAim(ours.lag.p99Ms, { most: 20 })}`,
    `heap of the set, MB: ${againstAim(megabytes(heap.setBytes), { most: 5 })}`,
    `heap of the client's upstreams, MB: ${megabytes(heap.upstreamsBytes).toFixed(2)}`,
    `wire → pick of ${wireToPick.length} changes, p99 ms: ${againstAim(percentile(wireToPick, 0.99), { most: 50 })}`,
    `final set equal to the API server's: ${ours.isEqual === true ? 'yes' : 'NO'}`,
  ].join('\n');
}

/** Stretch by stretch, so that a slow moment of the machine counts for both. */
function ratio({ cpuPercent }: WatcherResult, peer: WatcherResult): number {
  return median(cpuPercent.map((percent, i) => percent / (peer.cpuPercent[i] ?? NaN)));
}

/** Of the changes that both have seen, in milliseconds, the shortest first. */
function delays(from: Stamps, to: Stamps): number[] {
  return Object.entries(to)
    .flatMap(([change, at]) => {
      const began = from[change];
      return began === undefined ? [] : [Number(BigInt(at) - BigInt(began)) / 1e6];
    })
    .sort((a, b) => a - b);
}

function percentile(sorted: readonly number[], p: number): number {
  return sorted[Math.floor(sorted.length * p)] ?? NaN;
}
