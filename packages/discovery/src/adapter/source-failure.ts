import { messageOf } from './message-of';

/**
 * What went wrong between a source and its registry, as far as it changes what to do next:
 *
 * - `unreachable`: no connection; a registry that restarts is asked again soon.
 * - `lost`: the connection broke, or ended in the middle of a message.
 * - `silent`: nothing came until the deadline.
 * - `refused`: a response that is an error.
 * - `expired`: the position to go on from is no longer known.
 * - `malformed`: a response that is not what the protocol says.
 */
export type FailureKind = 'unreachable' | 'lost' | 'silent' | 'refused' | 'expired' | 'malformed';

/** What a failure can say beside its kind and message. All are optional; `cause` is what the network or a library threw. */
export interface SourceFailureDetails extends ErrorOptions {
  /** A short word for a metric, where it can say more than the kind, as `http_403`; the kind by default. */
  readonly reason?: string;
  /**
   * Milliseconds to wait in place of the back-off, as the registry asks for in `Retry-After`, or as the source
   * needs where its next turn sends another request. The back-off decides by default.
   */
  readonly retryAfterMs?: number | undefined;
}

/** The one failure of every source, from the wire to the metric. The message says what to do where waiting does not help. */
export class SourceFailure extends Error {
  override readonly name = 'SourceFailure';
  /** Decides how long to wait before the next turn. */
  readonly kind: FailureKind;
  /** A short word for a metric. */
  readonly reason: string;
  /** Milliseconds to wait in place of the back-off. */
  readonly retryAfterMs: number | undefined;

  constructor(kind: FailureKind, message: string, details: SourceFailureDetails = {}) {
    super(message, details);
    this.kind = kind;
    this.reason = details.reason ?? kind;
    this.retryAfterMs = details.retryAfterMs;
  }

  /** Whether the registry responded: one that responds with errors is given more time than one that is unreachable. */
  get isAnswer(): boolean {
    return this.kind === 'refused' || this.kind === 'expired' || this.kind === 'malformed';
  }

  /** The failure itself, or one made of what no source expects. */
  static of(error: unknown): SourceFailure {
    if (error instanceof SourceFailure) return error;
    return new SourceFailure('malformed', messageOf(error), { reason: 'internal', cause: error });
  }
}
