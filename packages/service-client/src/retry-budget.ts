import type { Clock } from '@movies/time';

export interface RetryBudgetOptions {
  /** Retries a request pays for: 0.2 lets load rise by 20 %. */
  readonly perRequest: number;
  /** Retries a second that are there without any request, for quiet clients. */
  readonly perSecond: number;
  /** The time over which requests and retries are set against each other. */
  readonly windowMs: number;
  readonly clock: Clock;
}

/** What happened in a tenth of the window. */
interface Slice {
  readonly startedAt: number;
  requests: number;
  retries: number;
}

/**
 * How many retries a client may send, so that retries cannot become the outage: in a sliding window no more
 * than a share of its requests and a few a second (after Finagle's retry budget).
 */
export class RetryBudget {
  readonly #options: RetryBudgetOptions;
  readonly #sliceMs: number;
  /** The window, oldest slice first, and its sums. */
  readonly #slices: Slice[] = [];
  #requests = 0;
  #retries = 0;

  constructor(options: RetryBudgetOptions) {
    this.#options = options;
    this.#sliceMs = options.windowMs / 10;
  }

  /** Whether a retry may be sent now. */
  get available(): boolean {
    this.#current();
    const { perRequest, perSecond, windowMs } = this.#options;
    const allowed = this.#requests * perRequest + (perSecond * windowMs) / 1000;
    return this.#retries + 1 <= allowed;
  }

  /** A request, not a retry, is about to be sent. */
  deposit(): void {
    this.#current().requests += 1;
    this.#requests += 1;
  }

  /** Takes one retry out, if there is one. */
  withdraw(): boolean {
    if (!this.available) return false;
    this.#current().retries += 1;
    this.#retries += 1;
    return true;
  }

  /** The slice of this moment, once what has left the window is gone. */
  #current(): Slice {
    const { windowMs, clock } = this.#options;
    const now = clock.now();
    const last = this.#slices.at(-1);
    if (last !== undefined && now < last.startedAt + this.#sliceMs) return last;
    for (let oldest = this.#slices[0]; oldest !== undefined; oldest = this.#slices[0]) {
      // Its last moment must have left the window, not only its first.
      if (now < oldest.startedAt + this.#sliceMs + windowMs) break;
      this.#requests -= oldest.requests;
      this.#retries -= oldest.retries;
      this.#slices.shift();
    }
    const slice = { startedAt: now, requests: 0, retries: 0 };
    this.#slices.push(slice);
    return slice;
  }
}
