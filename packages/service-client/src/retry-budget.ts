import type { Clock } from '@movies/discovery';

export interface RetryBudgetOptions {
  /** Retries a request pays for: 0.2 lets load rise by 20 %. */
  readonly perRequest: number;
  /** Retries a second that are there without any request, for quiet clients. */
  readonly perSecond: number;
  /** How long what is saved up can be spent. */
  readonly windowMs: number;
  readonly clock: Clock;
}

/**
 * How many retries a client may send, so that retries cannot become the outage: every request pays in,
 * every retry takes out (after Finagle's retry budget).
 */
export class RetryBudget {
  readonly #options: RetryBudgetOptions;
  /** Paid in by time, and by requests; each holds at most what `windowMs` brings. */
  #saved: number;
  #deposits = 0;
  #at: number;

  constructor(options: RetryBudgetOptions) {
    this.#options = options;
    this.#saved = this.#maxSaved();
    this.#at = options.clock.now();
  }

  /** A request, not a retry, is about to be sent. */
  deposit(): void {
    this.#deposits += this.#options.perRequest;
  }

  /** Takes one retry out, if there is one. */
  withdraw(): boolean {
    this.#pass();
    if (this.#deposits >= 1) this.#deposits -= 1;
    else if (this.#saved >= 1) this.#saved -= 1;
    else return false;
    return true;
  }

  #pass(): void {
    const { perSecond, windowMs, clock } = this.#options;
    const now = clock.now();
    const elapsedMs = now - this.#at;
    this.#at = now;
    this.#saved = Math.min(this.#maxSaved(), this.#saved + (elapsedMs / 1000) * perSecond);
    // What requests paid fades over the window instead of being booked request by request.
    this.#deposits *= Math.max(0, 1 - elapsedMs / windowMs);
  }

  #maxSaved(): number {
    return (this.#options.perSecond * this.#options.windowMs) / 1000;
  }
}
