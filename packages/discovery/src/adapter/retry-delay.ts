import type { Clock, Random } from '@movies/time';
import type { SourceFailure } from './source-failure';

/** The clock and the random numbers of a back-off. */
export interface RetryDelayOptions {
  /** How long a source must be well before its failures are forgotten; 120,000 by default, as in client-go. */
  readonly restMs?: number;
  readonly clock: Clock;
  readonly random: Random;
}

const initialMs = 800;
/** For a registry that answers: it is there, and in trouble. */
const maxAnsweredMs = 30_000;
/** For one that does not: it may be back at any moment, and a failed connection costs little. */
const maxUnansweredMs = 5000;
const maxRetryAfterMs = 60_000;
/** Clients that a registry tells the same spread over this share of the time, after it. */
const retryAfterJitter = 0.5;
/** A connection that served for so long is opened again soon each time: balancers cut what seems idle every minute. */
const servedMs = 2000;

/**
 * How long to wait after a failure: full jitter below a bound that doubles; or as long as the registry asks for, up to a
 * minute, and at most half as long again.
 */
export class RetryDelay {
  readonly #options: RetryDelayOptions;
  /** Failures in a row, with and without an answer. */
  #answered = 0;
  #unanswered = 0;
  #healthySince: number | undefined;

  constructor(options: RetryDelayOptions) {
    this.#options = options;
  }

  /** The source has been well since this time of the clock. */
  succeeded(since: number): void {
    this.#healthySince ??= since;
  }

  /** Milliseconds to wait. `lastedMs`: how long that which failed had gone on. */
  next(failure: Pick<SourceFailure, 'isAnswer' | 'retryAfterMs'>, lastedMs: number): number {
    const { restMs = 120_000, clock, random } = this.#options;
    const since = this.#healthySince;
    this.#healthySince = undefined;
    const isRested = since !== undefined && clock.now() - since >= restMs;
    // A watch that was open for so long was well, although its turn ends with a failure.
    const wasWell = restMs > 0 && lastedMs >= restMs;
    if (isRested || wasWell) this.#answered = this.#unanswered = 0;
    if (!failure.isAnswer && lastedMs >= servedMs) this.#unanswered = 0;
    const bound = failure.isAnswer
      ? Math.min(maxAnsweredMs, initialMs * 2 ** this.#answered)
      : Math.min(maxUnansweredMs, initialMs * 2 ** this.#unanswered);
    if (failure.isAnswer) this.#answered = Math.min(this.#answered + 1, 10);
    else this.#unanswered = Math.min(this.#unanswered + 1, 10);
    // "After 0 seconds" asks for no wait at all, and would be a loop without one.
    const { retryAfterMs } = failure;
    return retryAfterMs !== undefined && retryAfterMs > 0
      ? Math.min(retryAfterMs, maxRetryAfterMs) * (1 + random() * retryAfterJitter)
      : random() * bound;
  }
}
