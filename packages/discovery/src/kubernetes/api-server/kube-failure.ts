/**
 * What went wrong between the reflector and the API server, as far as it changes what to do next:
 *
 * - `unreachable`: no connection, so nobody was asked; a server that restarts is asked again soon.
 * - `refused`: an answer that is an error, by status or as an event of the watch.
 * - `expired`: 410, the version to go on from is no longer known.
 * - `lost`: the connection broke, or ended in the middle of a line.
 * - `silent`: nothing came until the deadline.
 * - `garbled`: an answer that is not what the protocol says.
 */
export type KubeFailureKind = 'unreachable' | 'refused' | 'expired' | 'lost' | 'silent' | 'garbled';

export interface KubeFailureDetails extends ErrorOptions {
  /** A short word for a metric. */
  readonly reason: string;
  /** What the server asked for in `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** The one error of this adapter; the message says what to do where somebody has to. */
export class KubeFailure extends Error {
  override readonly name = 'KubeFailure';
  readonly kind: KubeFailureKind;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;

  constructor(kind: KubeFailureKind, message: string, details: KubeFailureDetails) {
    super(message, details);
    this.kind = kind;
    this.reason = details.reason;
    this.retryAfterMs = details.retryAfterMs;
  }
}
