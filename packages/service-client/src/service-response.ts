import type { Instance } from '@movies/discovery';
import type { Attempt } from './attempt';
import { UpstreamError } from './upstream-error';

type ServiceResponseFields = Pick<
  ServiceResponse,
  'status' | 'headers' | 'body' | 'instance' | 'attempts'
>;

/** An answer, read to its end. */
export class ServiceResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** Who answered. */
  readonly instance: Instance;
  /** Every attempt, the one that was answered last. */
  readonly attempts: readonly Attempt[];

  constructor(fields: ServiceResponseFields) {
    this.status = fields.status;
    this.headers = fields.headers;
    this.body = fields.body;
    this.instance = fields.instance;
    this.attempts = fields.attempts;
  }

  /** One header, the first value if there are several. */
  header(name: string): string | undefined {
    const value = this.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  /** The body as JSON; throws `upstream_bad_response` if it is none. */
  json(): unknown {
    try {
      return JSON.parse(this.body.toString('utf8'));
    } catch (error: unknown) {
      throw this.unexpected('the body is not JSON', error);
    }
  }

  /**
   * An `upstream_bad_response` for this answer: the status or body is not what was agreed. A 503 says of itself that
   * the service cannot be had, and is `upstream_unavailable`.
   */
  unexpected(what: string, cause?: unknown): UpstreamError {
    return new UpstreamError(
      this.status === 503 ? 'upstream_unavailable' : 'upstream_bad_response',
      `${what} (status ${this.status} of ${this.instance.id})`,
      { service: this.instance.service, attempts: this.attempts, cause },
    );
  }
}
