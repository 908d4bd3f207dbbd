import type { Instance } from '@movies/discovery';

/**
 * How an attempt ended. With a response: `ok`; `failed`: 5xx, except the next two; `overloaded`: 429, or 503 with
 * `Retry-After`; `unavailable`: 502, 503 or 504. Without one: `refused`: no connection could be made; `reset`: the
 * connection broke; `timeout`: the deadline passed; `bad_response`: not HTTP; `too_large`: larger than this client
 * allows; `local`: this process could not send it, such as for want of file descriptors; `aborted`: the caller gave
 * up; `outrun`: another attempt of the same request was answered first.
 */
export type AttemptOutcome =
  | 'ok'
  | 'failed'
  | 'overloaded'
  | 'unavailable'
  | 'refused'
  | 'reset'
  | 'timeout'
  | 'bad_response'
  | 'too_large'
  | 'local'
  | 'aborted'
  | 'outrun';

/** One try at one instance. */
export interface Attempt {
  readonly instance: Instance;
  readonly outcome: AttemptOutcome;
  /** Milliseconds from the choice of the instance to the end. */
  readonly durationMs: number;
  /** Status code, if there was a response. */
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
