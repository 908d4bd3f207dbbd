import type { Clock } from './clock';
import { delay } from './delay';

/** All of them are required. */
export interface TokenBucketOptions {
  /** How many tokens a full bucket holds; it is full at the beginning. */
  readonly burst: number;
  /** How many tokens come each second, above 0. */
  readonly perSecond: number;
  /** Measures the time, and waits for the next token. */
  readonly clock: Clock;
}

/** Limits the rate of a loop: `burst` turns at once, then `perSecond` turns a second. */
export class TokenBucket {
  readonly #options: TokenBucketOptions;
  #tokens: number;
  #filledAt: number;

  constructor(options: TokenBucketOptions) {
    this.#options = options;
    this.#tokens = options.burst;
    this.#filledAt = options.clock.now();
  }

  /** Resolves once a token is there, and takes it; rejects with the signal's reason when aborted. */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { burst, perSecond, clock } = this.#options;
    const now = clock.now();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) / 1000) * perSecond);
    this.#filledAt = now;
    this.#tokens -= 1;
    if (this.#tokens < 0) await delay((-this.#tokens / perSecond) * 1000, clock, signal);
  }
}
