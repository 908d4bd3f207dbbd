import type { Instance } from '@movies/discovery';

/**
 * How an attempt ended. `ok`: any answer but the next two. `overloaded`: 429, or 503 with `Retry-After`.
 * `unavailable`: 502, 503 or 504. `refused`: no connection could be made. `reset`: the connection broke.
 * `timeout`: no whole answer in the attempt's time. `bad_response`: not HTTP, or larger than allowed.
 * `aborted`: the caller gave up.
 */
export type AttemptOutcome =
  | 'ok'
  | 'overloaded'
  | 'unavailable'
  | 'refused'
  | 'reset'
  | 'timeout'
  | 'bad_response'
  | 'aborted';

/** One try at one instance. */
export interface Attempt {
  readonly instance: Instance;
  readonly outcome: AttemptOutcome;
  readonly durationMs: number;
  /** Status code, if there was an answer. */
  readonly status?: number;
  /** What the network said, if there was none. */
  readonly error?: Error;
}

/** One attempt in a few words, for messages and logs: instance, outcome, time. */
export function describeAttempt({ instance, outcome, durationMs, status, error }: Attempt): string {
  const what = status === undefined ? outcome : `${outcome} (${status})`;
  const why = error === undefined ? '' : `: ${messageOf(error)}`;
  return `${instance.id} ${what} after ${Math.round(durationMs)} ms${why}`;
}

/** Several addresses of one name, all refused, come as an AggregateError whose own message is empty. */
function messageOf(error: Error): string {
  return error.message || ((error as NodeJS.ErrnoException).code ?? error.name);
}
