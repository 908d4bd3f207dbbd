import { Backoff, delay, type Clock, type Random } from '@movies/time';

export interface KeepTryingOptions {
  /** Told why a try failed, before the wait for the next. */
  readonly onFailure: (error: unknown) => void;
  /** Ends it, between two tries; each try gets it as well. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Tries until it succeeds, with a wait between that is drawn below 500 ms at first, and below 5 s in the end.
 * Rejects only when `signal` aborts.
 */
export async function keepTrying<T>(
  attempt: (signal: AbortSignal) => Promise<T>,
  { onFailure, signal, clock, random }: KeepTryingOptions,
): Promise<T> {
  const backoff = new Backoff({ initialMs: 500, maxMs: 5000, random });
  for (;;) {
    try {
      return await attempt(signal);
    } catch (error: unknown) {
      signal.throwIfAborted();
      onFailure(error);
      await delay(backoff.next(), clock, signal);
    }
  }
}
