import type { Instance } from '@movies/discovery';
import type { Attempt } from './attempt';
import { firstHeader } from './classify';
import { UpstreamError, type UpstreamErrorCode } from './upstream-error';

type ServiceResponseFields = Pick<
  ServiceResponse,
  'status' | 'headers' | 'body' | 'instance' | 'attempts'
>;

const codeByStatus: ReadonlyMap<number, UpstreamErrorCode> = new Map([
  [429, 'upstream_overloaded'],
  [503, 'upstream_unavailable'],
  [504, 'upstream_timeout'],
]);

/** An answer, read to its end. */
export class ServiceResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** The instance that gave the response. */
  readonly instance: Instance;
  /** Every attempt, in the order in which they began; not always the last one gave the response. */
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
    return firstHeader(this.headers, name);
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
   * The error for a response whose status or body is not what was agreed: `upstream_bad_response`, unless the status
   * says why the service has no other response. Then 503 is `upstream_unavailable`, 429 `upstream_overloaded`, and 504
   * `upstream_timeout`.
   */
  unexpected(what: string, cause?: unknown): UpstreamError {
    return new UpstreamError(
      codeByStatus.get(this.status) ?? 'upstream_bad_response',
      `${what} (status ${this.status} of ${this.instance.id})`,
      { service: this.instance.service, attempts: this.attempts, cause },
    );
  }
}
