import type { Clock } from '@movies/time';

export interface RetryThrottleOptions {
  /** Retries without a success that may be sent at once, for a client that was well before. 100 by default. */
  readonly tokens: number;
  /** How many of them come back each second without a success. 10 by default. */
  readonly perSecond: number;
  readonly clock: Clock;
}

/**
 * Stops retries that are of no use (after the retry throttling of gRFC A6). Each takes a token, and gives it back if it is
 * what the caller gets. So retries go on where another instance is better, and end where all are alike.
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

  /** Takes a token for a retry; `false` if none is left. */
  take(): boolean {
    const now = this.#options.clock.now();
    this.#add(((now - this.#filledAt) / 1000) * this.#options.perSecond);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** The retry was of use, or was not sent. */
  giveBack(): void {
    this.#add(1);
  }

  #add(tokens: number): void {
    this.#tokens = Math.min(this.#options.tokens, this.#tokens + tokens);
  }
}

/** One for each kind of retry, so that second attempts which are of no use keep no failed attempt from being retried. */
export interface RetryThrottles {
  /** Of attempts after failed ones. */
  readonly retry: RetryThrottle;
  /** Of second attempts beside late ones: a quarter, because the first one may still be answered. */
  readonly hedge: RetryThrottle;
}

export function openThrottles({ tokens, perSecond, clock }: RetryThrottleOptions): RetryThrottles {
  return {
    retry: new RetryThrottle({ tokens, perSecond, clock }),
    hedge: new RetryThrottle({ tokens: tokens / 4, perSecond: perSecond / 4, clock }),
  };
}
