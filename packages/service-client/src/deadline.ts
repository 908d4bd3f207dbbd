import { systemClock, type Clock } from '@movies/time';

/** Header with the time a caller still waits, in milliseconds: a remainder, so clocks need not agree. */
export const timeoutHeader = 'x-request-timeout-ms';

/** Header that counts the attempts before this one; absent or 0 on a first attempt. */
export const retryAttemptHeader = 'x-retry-attempt';

/** The moment after which an answer is of no use any more. */
export class Deadline {
  readonly #clock: Clock;
  readonly #at: number;

  private constructor(at: number, clock: Clock) {
    this.#at = at;
    this.#clock = clock;
  }

  /** Throws a `RangeError` for what is no number of milliseconds; a deadline may have passed already. */
  static after(timeoutMs: number, clock: Clock = systemClock): Deadline {
    if ((typeof timeoutMs as unknown) !== 'number' || Number.isNaN(timeoutMs)) {
      throw new RangeError(`a deadline is in milliseconds, and not ${String(timeoutMs)}`);
    }
    return new Deadline(clock.now() + timeoutMs, clock);
  }

  /** Milliseconds left; negative once it has passed. */
  remainingMs(): number {
    return this.#at - this.#clock.now();
  }

  /** The same deadline, `reserveMs` earlier: what is left of it for somebody else. */
  earlier(reserveMs: number): Deadline {
    return new Deadline(this.#at - reserveMs, this.#clock);
  }
}
