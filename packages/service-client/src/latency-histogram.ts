/** Each bucket is a fifth wider than the one before: a quantile is right to a tenth. */
const growth = 1.2;
const smallestMs = 0.1;
/** Up to 20 minutes. */
const buckets = 90;
/** Older responses count half once so many newer ones came. */
const halfLife = 200;
/** The median is found anew after so many responses: it takes a walk over the buckets, and changes slowly. */
const medianEvery = 16;
/** Fewer say nothing. */
const minimum = 5;

/** The response times of late, for quantiles. Takes 720 bytes and no allocation per response. */
export class LatencyHistogram {
  readonly #counts = new Float64Array(buckets);
  #total = 0;
  #sinceHalved = 0;
  #medianMs = 0;
  #sinceMedian = 0;

  add(durationMs: number): void {
    const at = Math.ceil(
      Math.log(Math.max(smallestMs, durationMs) / smallestMs) / Math.log(growth),
    );
    const bucket = Math.min(buckets - 1, at);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total += 1;
    this.#sinceHalved += 1;
    if (this.#sinceHalved >= halfLife) {
      this.#sinceHalved = 0;
      this.#total /= 2;
      for (const [i, count] of this.#counts.entries()) this.#counts[i] = count / 2;
    }
    this.#sinceMedian += 1;
    if (this.#medianMs > 0 && this.#sinceMedian < medianEvery) return;
    this.#sinceMedian = 0;
    this.#medianMs = this.quantile(0.5) ?? 0;
  }

  /**
   * The time in milliseconds within which half of the responses came, to a few responses; 0 while it is not known. Each
   * request asks for it, and `quantile` takes a walk.
   */
  get medianMs(): number {
    return this.#medianMs;
  }

  /** The time in milliseconds within which this share of the responses came; `undefined` for fewer than five. */
  quantile(share: number): number | undefined {
    if (this.#total < minimum) return undefined;
    let left = share * this.#total;
    let at = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      if (count === 0) continue;
      at = bucket;
      left -= count;
      if (left <= 0) break;
    }
    // The middle of the bucket.
    return smallestMs * growth ** (at - 0.5);
  }
}
