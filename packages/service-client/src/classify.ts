import type { AttemptOutcome } from './attempt';

/** Names in lower case. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** One header, by its name in lower case: the first value if there are several. */
export function firstHeader(headers: ResponseHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

export interface ResponseHead {
  readonly status: number;
  readonly headers: ResponseHeaders;
}

/** What a response says of the instance that gave it. */
export type ResponseClass = Extract<AttemptOutcome, 'ok' | 'failed' | 'overloaded' | 'unavailable'>;

/**
 * Reads a response: `ok` is good; `failed` counts against the instance and is handed on; `unavailable` counts against it
 * and is retried elsewhere; `overloaded` is retried elsewhere and spares the instance for its `Retry-After`.
 */
export type ResponseClassifier = (response: ResponseHead) => ResponseClass;

/** By status: 429, and 503 with `Retry-After`, are `overloaded`; 502 to 504 `unavailable`; other 5xx `failed`. */
export const classifyByStatus: ResponseClassifier = ({ status, headers }) => {
  if (status === 429 || (status === 503 && headers['retry-after'] !== undefined)) {
    return 'overloaded';
  }
  if (status >= 502 && status <= 504) return 'unavailable';
  return status >= 500 ? 'failed' : 'ok';
};

/** When another instance may be asked: `repeatable`: if sending the request twice does no harm. */
type Retry = 'never' | 'repeatable' | 'always';

const retries: Record<AttemptOutcome, Retry> = {
  ok: 'never',
  failed: 'never',
  overloaded: 'repeatable',
  unavailable: 'repeatable',
  refused: 'always',
  reset: 'repeatable',
  bad_response: 'repeatable',
  // The response of another instance is as large, and this process is the same.
  too_large: 'never',
  local: 'never',
  // The request is over.
  timeout: 'never',
  aborted: 'never',
  outrun: 'never',
};

export function retryAfter(outcome: AttemptOutcome): Retry {
  return retries[outcome];
}

/** Best first: of several ends of one request, the caller gets the best one. */
const preference: readonly AttemptOutcome[] = [
  'ok',
  'failed',
  'overloaded',
  'unavailable',
  'too_large',
  'bad_response',
  'timeout',
  'reset',
  'refused',
  'local',
  'aborted',
  'outrun',
];

/** Whether a caller is better served by the first outcome than by the second one. */
export function isBetterOutcome(first: AttemptOutcome, second: AttemptOutcome): boolean {
  return preference.indexOf(first) < preference.indexOf(second);
}
