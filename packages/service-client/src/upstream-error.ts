import { describeAttempt, type Attempt } from './attempt';

/** Why a service could not be called; decide by this, never by the message. */
export type UpstreamErrorCode =
  | 'upstream_unavailable'
  | 'upstream_overloaded'
  | 'upstream_timeout'
  | 'upstream_bad_response'
  | 'upstream_aborted';

export interface UpstreamErrorOptions extends ErrorOptions {
  readonly service: string;
  readonly attempts?: readonly Attempt[];
}

/** The one error class of this package: which service, why, and every attempt that was made. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly code: UpstreamErrorCode;
  readonly service: string;
  readonly attempts: readonly Attempt[];

  constructor(code: UpstreamErrorCode, message: string, options: UpstreamErrorOptions) {
    const attempts = options.attempts ?? [];
    const tried = attempts.length === 0 ? '' : ` [${attempts.map(describeAttempt).join('; ')}]`;
    const { cause } = options;
    super(`${options.service}: ${message}${tried}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.service = options.service;
    this.attempts = attempts;
  }
}
