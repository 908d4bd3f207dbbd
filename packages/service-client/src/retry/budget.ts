import type { Clock } from '@movies/time';
import { SlidingCount } from '../sliding-count';

export interface RetryBudgetOptions {
  /** Retries that one request pays for: 0.2 lets the load rise by 20 %. */
  readonly perRequest: number;
  /** Retries per second that are there without any request, for quiet clients. */
  readonly perSecond: number;
  /** The time over which requests and retries are set against each other, in milliseconds. */
  readonly windowMs: number;
  readonly clock: Clock;
}

/**
 * How many retries a client may send, so that retries do not become the outage: in a sliding window no more than a share
 * of its requests and a few per second (after Finagle's retry budget).
 */
export class RetryBudget {
  readonly #options: RetryBudgetOptions;
  readonly #requests: SlidingCount;
  readonly #retries: SlidingCount;

  constructor(options: RetryBudgetOptions) {
    this.#options = options;
    this.#requests = new SlidingCount(options.windowMs);
    this.#retries = new SlidingCount(options.windowMs);
  }

  /** A request, not a retry, is about to be sent. */
  deposit(): void {
    this.#requests.add(this.#options.clock.now());
  }

  /** Takes one retry out, if there is one. */
  withdraw(): boolean {
    const { perRequest, perSecond, windowMs, clock } = this.#options;
    const now = clock.now();
    const allowed = this.#requests.sum(now) * perRequest + (perSecond * windowMs) / 1000;
    if (this.#retries.sum(now) + 1 > allowed) return false;
    this.#retries.add(now);
    return true;
  }
}
