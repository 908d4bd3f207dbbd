import { SlidingCount } from '../sliding-count';

/** `in`: it gets requests. `out`: it gets none until `until`. `probing`: back from an ejection, one request at a time. */
export type HealthState =
  | { readonly kind: 'in' }
  | { readonly kind: 'out'; readonly until: number; readonly cause: string }
  | { readonly kind: 'probing' };

/** The time in which a change shows, in milliseconds. */
export const recentMs = 2000;

const isIn: HealthState = { kind: 'in' };
const isProbing: HealthState = { kind: 'probing' };

/** Passive health of one host: its state, and what it did of late. It decides nothing. */
export class HostHealth {
  readonly calls: SlidingCount;
  readonly failures: SlidingCount;
  readonly recentCalls = new SlidingCount(recentMs);
  readonly recentFailures = new SlidingCount(recentMs);
  #state: HealthState = isIn;
  #inRow = 0;
  /** `#inRow` before the last success. */
  #inRowBefore = 0;
  #ejections = 0;
  #countedFrom = 0;
  #goodSince = -Infinity;

  constructor(windowMs: number) {
    this.calls = new SlidingCount(windowMs);
    this.failures = new SlidingCount(windowMs);
  }

  /** The state at this moment: an ejection whose time is over leads to `probing`. */
  state(now: number): HealthState {
    if (this.#state.kind === 'out' && this.#state.until <= now) this.#state = isProbing;
    return this.#state;
  }

  /** Failures since the last success. */
  get inRow(): number {
    return this.#inRow;
  }

  /** When the latest request began that succeeded, in milliseconds. */
  get goodSince(): number {
    return this.#goodSince;
  }

  /** A request that began at `beganAt` succeeded: also one while it is out proves that it serves. */
  succeed(now: number, beganAt = now): void {
    this.#goodSince = Math.max(this.#goodSince, beganAt);
    this.calls.add(now);
    this.recentCalls.add(now);
    this.#inRowBefore = this.#inRow;
    this.#inRow = 0;
    this.#state = isIn;
  }

  fail(now: number): void {
    this.calls.add(now);
    this.failures.add(now);
    this.recentCalls.add(now);
    this.recentFailures.add(now);
    this.#inRow += 1;
  }

  /** What was counted as a success broke off later: a failure, and no call of its own. */
  breakOff(now: number): void {
    this.failures.add(now);
    this.recentFailures.add(now);
    this.#inRow = this.#inRowBefore + 1;
  }

  /** Takes it out until `now` and the time that `durationMs` gives for the number of ejections so far. */
  eject(now: number, cause: string, durationMs: (ejections: number) => number): void {
    this.#ejections += 1;
    this.#state = { kind: 'out', until: now + durationMs(this.#ejections), cause };
    this.#countedFrom = this.#state.until;
    this.#inRow = 0;
  }

  /** Every `intervalMs` without an ejection takes one off the number that makes the next one longer. */
  forgive(now: number, intervalMs: number): void {
    const intervals = Math.floor((now - this.#countedFrom) / intervalMs);
    // After an ejection without an end there is no number of intervals.
    if (this.#ejections === 0 || !(intervals >= 1)) return;
    this.#ejections = Math.max(0, this.#ejections - intervals);
    this.#countedFrom += intervals * intervalMs;
  }

  /** Ends an ejection; what was counted before says nothing any more. */
  readmit(): void {
    this.#state = isIn;
    this.#inRow = 0;
    for (const count of [this.calls, this.failures, this.recentCalls, this.recentFailures]) {
      count.clear();
    }
  }
}
