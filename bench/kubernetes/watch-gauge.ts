import { monitorEventLoopDelay } from 'node:perf_hooks';
import { answer } from './answer';

/** When a change was written, read or in force: nanoseconds of the machine's own clock, the same in all processes. */
export type Stamps = Readonly<Record<string, string>>;

/** What a watcher process has used until now. */
export interface Usage {
  readonly cpuMs: number;
  readonly atMs: number;
}

export interface LoopLag {
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface WatchGaugeOptions {
  /** Resolves when the whole set is known, with what is to be told of that. */
  readonly start: () => Promise<unknown>;
  /** The set as it is now, a sorted line for each endpoint. */
  readonly set?: () => readonly string[] | undefined;
}

/** A timer's own period, which the histogram counts as delay. */
const resolutionMs = 10;

/** What every watcher process has: the same measurements of itself, taken in the same way. */
export class WatchGauge {
  readonly #stamps = new Map<string, bigint>();
  readonly #lag = monitorEventLoopDelay({ resolution: resolutionMs });

  serve({ start, set = () => undefined }: WatchGaugeOptions): void {
    answer({
      start,
      set,
      begin: () => {
        this.#stamps.clear();
        this.#lag.reset();
        this.#lag.enable();
      },
      usage: (): Usage => {
        const { user, system } = process.cpuUsage();
        return { cpuMs: (user + system) / 1000, atMs: performance.now() };
      },
      lag: (): LoopLag => ({
        p99Ms: this.#lag.percentile(99) / 1e6 - resolutionMs,
        maxMs: this.#lag.max / 1e6 - resolutionMs,
      }),
      stamps: () => stampsToSend(this.#stamps),
    });
  }

  /** A change has come to where it is of use. */
  stamp(change: string): void {
    this.#stamps.set(change, process.hrtime.bigint());
  }
}

export function stampsToSend(stamps: ReadonlyMap<string, bigint>): Stamps {
  return Object.fromEntries([...stamps].map(([change, at]) => [change, String(at)]));
}
