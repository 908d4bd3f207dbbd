import { inspect, type InspectOptions } from 'node:util';
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

  /**
   * As `console.error` prints it. The message tells the attempts in words; as objects each of them, with its instance and
   * its error, takes ten lines more.
   */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    const { name, message, stack = `${name}: ${message}`, code, service, cause } = this;
    const isTold = cause === undefined || this.attempts.some(({ error }) => error === cause);
    const why = cause instanceof Error ? String(cause) : cause;
    const fields = { code, service, ...(!isTold && { cause: why }) };
    return `${stack} ${inspect(fields, { ...options, breakLength: Infinity })}`;
  }
}
