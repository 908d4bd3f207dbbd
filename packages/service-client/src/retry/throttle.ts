import type { Clock } from '@movies/time';

export interface RetryThrottleOptions {
  /** Retries without a success that may be sent at once, for a client that was well before. 100 by default. */
  readonly tokens: number;
  /** How many of them come back each second without a success. 10 by default. */
  readonly perSecond: number;
  readonly clock: Clock;
}

/** What a retry takes: a second attempt beside a late one costs more, because the first one may still be answered. */
export const retryCost = { retry: 1, hedge: 4 } as const;

/**
 * Stops retries that are of no use (after the retry throttling of gRFC A6). Each takes tokens, and gives them back if it
 * is what the caller gets. So retries go on where another instance is better, and end where all are alike.
 */
export class RetryThrottle {
  readonly #options: RetryThrottleOptions;
  #tokens: number;
  #filledAt: number;

  constructor(options: RetryThrottleOptions) {
    this.#options = options;
    this.#tokens = options.tokens;
    this.#filledAt = options.clock.now();
  }

  /** Takes tokens for a retry; `false` if too few are left. */
  take(cost: number): boolean {
    const now = this.#options.clock.now();
    this.#add(((now - this.#filledAt) / 1000) * this.#options.perSecond);
    this.#filledAt = now;
    if (this.#tokens < cost) return false;
    this.#tokens -= cost;
    return true;
  }

  /** The retry was of use. */
  giveBack(cost: number): void {
    this.#add(cost);
  }

  #add(tokens: number): void {
    this.#tokens = Math.min(this.#options.tokens, this.#tokens + tokens);
  }
}
