import type { Clock } from './clock';
import { delay } from './delay';

export interface TokenBucketOptions {
  /** How many tokens a full bucket holds. */
  readonly burst: number;
  readonly perSecond: number;
  readonly clock: Clock;
}

/** Lets a loop run `burst` times at once and then `perSecond`, whatever makes it spin. */
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
