import { delay, type Clock, type Random } from '@movies/time';
import type { Instance } from '../instance';
import { messageOf } from './message-of';
import { RetryDelay } from './retry-delay';
import { SourceFailure } from './source-failure';

/** Follows one target of a registry: what the author of an adapter writes. */
export interface Source {
  /**
   * One exchange with the registry: a query, a list, or a watch for as long as it lasts. Tells the sink what it learns,
   * and resolves with the milliseconds until the next turn, 0 for at once. A rejection is told to the sink as a failure,
   * which is a `SourceFailure` if the source made it, and the next turn waits as its kind asks for. Nothing is told once
   * `signal` is aborted, and the turn ends soon.
   */
  turn(signal: AbortSignal): Promise<number>;
  /** Frees what outlives a turn, as a timer; called once, after the last turn. */
  close?(): void;
}

/** Where a source puts what it learns. The last good set is kept, compared and versioned behind it. */
export interface Sink {
  /** The whole set, as the registry has just confirmed it. The same id twice: the better state stays. */
  publish(instances: readonly Instance[], remarks?: Remarks): void;
  /** The registry cannot be followed: the set stays, and the failure is counted by its reason. */
  fail(failure: SourceFailure): void;
}

/** What a source can say beside a set, for people to read. */
export interface Remarks {
  /** Why there is no instance. */
  readonly emptyBecause?: string | undefined;
  /** Something that the operator should know although the set is good. */
  readonly note?: string | undefined;
  /** When the registry confirmed the set, if that is not now, in the clock's milliseconds. */
  readonly confirmedAt?: number | undefined;
}

export interface RunOptions {
  readonly sink: Sink;
  /** How long a source must work without a failure before its failures are forgotten; 120,000 by default. */
  readonly restMs?: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Runs a source, a turn at a time, until the signal is aborted. Never rejects. */
export async function runSource(
  source: Source,
  options: RunOptions,
  signal: AbortSignal,
): Promise<void> {
  const { sink, clock } = options;
  const retry = new RetryDelay(options);
  const isOver = () => signal.aborted;
  // The caller has its watch before any listener is called.
  await Promise.resolve();
  while (!isOver()) {
    const startedAt = clock.now();
    let waitMs: number;
    try {
      waitMs = await source.turn(signal);
      if (!(waitMs >= 0)) {
        throw new TypeError(`a turn says to wait ${String(waitMs)} ms: expected 0 or more`);
      }
      retry.succeeded(startedAt);
    } catch (error: unknown) {
      if (isOver()) break;
      const failure = SourceFailure.of(error);
      waitMs = retry.next(failure, clock.now() - startedAt);
      sink.fail(failure);
    }
    // Only the signal rejects a delay, and the loop reads the signal.
    if (waitMs > 0) await delay(waitMs, clock, signal).catch(() => undefined);
  }
  try {
    source.close?.();
  } catch (error: unknown) {
    // A fault of the adapter must not keep the registry from closing.
    process.emitWarning(`a source could not be closed: ${messageOf(error)}`, {
      code: 'DISCOVERY_SOURCE',
    });
  }
}
