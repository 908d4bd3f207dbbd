import type { Random } from './clock';

/** All of them are required. */
export interface BackoffOptions {
  /** Upper bound of the first delay, in milliseconds. */
  readonly initialMs: number;
  /** Upper bound of every delay, in milliseconds. */
  readonly maxMs: number;
  /** Draws each delay below its bound; called once per delay. */
  readonly random: Random;
}

/**
 * Exponential back-off with full jitter: each delay is drawn evenly from zero to a bound that doubles,
 * so that many clients that failed together do not come back together.
 */
export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** The next delay in milliseconds; `capMs` bounds this one further. */
  next(capMs = Number.POSITIVE_INFINITY): number {
    const { initialMs, maxMs, random } = this.#options;
    const bound = Math.min(maxMs, initialMs * 2 ** this.#failures, capMs);
    this.#failures = Math.min(this.#failures + 1, 30);
    return random() * bound;
  }

  /** Begins again with `initialMs`: to be called after a success. */
  reset(): void {
    this.#failures = 0;
  }
}
