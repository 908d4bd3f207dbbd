/** Time in which an estimate loses two thirds of its weight. */
const tauMs = 10_000;
/** Whatever is faster is equally fast: the noise of a network must not decide between two instances. */
const floorMs = 5;
/** An instance without an estimate gets one call; others wait until it is answered. */
const unknownMs = 1000;
/**
 * What a failure is taken for, at the least: one that fails fast must not look like one that answers fast,
 * or it would draw all calls.
 */
const failureMs = 1000;
/** So that of two hosts, one 15 ms slow once, both are reached in 20 calls, and one of ten, 10× slower, gets 1 %. */
const lossFactor = 0.9;

/**
 * Latency estimate of one instance in milliseconds: it jumps up at once on a slow answer and comes down
 * slowly (Finagle's peak EWMA). It also fades while unused, both with time and with each pick lost, so
 * that an instance that was slow once is tried again.
 */
export class PeakEwma {
  #estimateMs = 0;
  #at = 0;
  #known = false;

  /** The estimate at `now`, times the calls under way and the one to come. */
  cost(now: number, outstanding: number): number {
    if (!this.#known) return unknownMs * outstanding;
    return Math.max(floorMs, this.#estimateMs * this.#kept(now)) * (outstanding + 1);
  }

  /** A call was answered in `durationMs`. */
  observe(durationMs: number, now: number): void {
    const kept = this.#kept(now);
    const faded = this.#estimateMs * kept;
    this.#set(durationMs > faded ? durationMs : faded + durationMs * (1 - kept), now);
  }

  /** A call failed after `durationMs`. */
  observeFailure(durationMs: number, now: number): void {
    this.observe(Math.max(durationMs, failureMs), now);
  }

  /** A call was given up after `durationMs`: an answer would have taken longer. */
  observeAtLeast(durationMs: number, now: number): void {
    if (durationMs > this.#estimateMs * this.#kept(now)) this.#set(durationMs, now);
  }

  /** Another instance was preferred while this one had nothing to do. */
  lose(): void {
    this.#estimateMs *= lossFactor;
  }

  /** What was known is of no use any more: the next call is a probe. */
  forget(): void {
    this.#known = false;
    this.#estimateMs = 0;
  }

  #set(estimateMs: number, now: number): void {
    this.#estimateMs = estimateMs;
    this.#at = now;
    this.#known = true;
  }

  #kept(now: number): number {
    return Math.exp((this.#at - now) / tauMs);
  }
}
