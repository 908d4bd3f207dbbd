/** Time in which an estimate loses two thirds of its weight. */
const tauMs = 10_000;
/** Differences below this are noise: they must not decide between two fast instances. */
const floorMs = 1;
/** An instance without an estimate gets one call; others wait until it is answered. */
const unknownMs = 1000;
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
    return (this.#decayed(now) + floorMs) * (outstanding + 1);
  }

  /** A call took `durationMs`, answered or not. */
  observe(durationMs: number, now: number): void {
    const estimate = this.#decayed(now);
    if (durationMs > estimate) {
      this.#estimateMs = durationMs;
    } else {
      const kept = Math.exp((this.#at - now) / tauMs);
      this.#estimateMs = estimate * kept + durationMs * (1 - kept);
    }
    this.#at = now;
    this.#known = true;
  }

  /** Another instance was preferred while this one had nothing to do. */
  lose(): void {
    this.#estimateMs *= lossFactor;
  }

  #decayed(now: number): number {
    return this.#estimateMs * Math.exp((this.#at - now) / tauMs);
  }
}
