import type { AttemptOutcome } from './attempt';
import type { SendResult } from './send';

/** Methods that may be sent twice (RFC 9110, 9.2.2). */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** What matters of a request for whether it may be sent again. */
export interface Repeatability {
  readonly method: string;
  readonly isRetry?: boolean;
}

export function outcomeOf(result: SendResult): AttemptOutcome {
  if (result.kind === 'failure') return result.outcome;
  const { status, headers } = result;
  if (status === 429 || (status === 503 && headers['retry-after'] !== undefined)) {
    return 'overloaded';
  }
  return status >= 502 && status <= 504 ? 'unavailable' : 'ok';
}

export function isWorthRetrying(outcome: AttemptOutcome): boolean {
  return outcome !== 'ok' && outcome !== 'aborted';
}

/** Sending it twice does no harm, and it is not itself sent for the second time. */
export function isRepeatable({ method, isRetry }: Repeatability): boolean {
  return idempotent.has(method) && isRetry !== true;
}

export function wasNotSent(result: SendResult): boolean {
  return result.kind === 'failure' && !result.sent;
}

/** A kept connection that the server closed as the request left says nothing against asking it again. */
export function isBrokenConnection(result: SendResult): boolean {
  return result.kind === 'failure' && result.outcome === 'reset' && !result.answering;
}
