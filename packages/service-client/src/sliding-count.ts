const slices = 10;

/** How often something happened within the last `windowMs`, to a tenth of it: what is counted stays at least so long. */
export class SlidingCount {
  readonly #sliceMs: number;
  /** One more than fits the window, since the oldest and the present slice are both in part within it. */
  readonly #counts = new Array<number>(slices + 1).fill(0);
  #slice = 0;
  #sum = 0;

  constructor(windowMs: number) {
    this.#sliceMs = windowMs / slices;
  }

  add(now: number, count = 1): void {
    this.#slide(now);
    const at = this.#slice % this.#counts.length;
    this.#counts[at] = (this.#counts[at] ?? 0) + count;
    this.#sum += count;
  }

  sum(now: number): number {
    this.#slide(now);
    return this.#sum;
  }

  /** Takes out all that `part` counted; it has the same window, and this one counted it as well. */
  subtract(part: SlidingCount, now: number): void {
    this.#slide(now);
    part.#slide(now);
    for (const [at, count] of part.#counts.entries()) {
      this.#counts[at] = (this.#counts[at] ?? 0) - count;
    }
    this.#sum -= part.#sum;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#sum = 0;
  }

  #slide(now: number): void {
    const slice = Math.floor(now / this.#sliceMs);
    if (slice - this.#slice >= this.#counts.length) this.clear();
    else {
      for (let next = this.#slice + 1; next <= slice; next += 1) {
        const at = next % this.#counts.length;
        this.#sum -= this.#counts[at] ?? 0;
        this.#counts[at] = 0;
      }
    }
    this.#slice = Math.max(this.#slice, slice);
  }
}
