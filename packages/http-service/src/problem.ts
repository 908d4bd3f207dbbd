import { STATUS_CODES } from 'node:http';
import { DatabaseError } from '@movies/database';
import { DiscoveryError } from '@movies/discovery';
import { UpstreamError } from '@movies/service-client';
import { RequestError, type InputFault } from './request-error';

/** Problem details (RFC 9457), with our own members behind the standard ones. */
export interface Problem {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  /** Which parameter is wrong, and how. */
  readonly errors?: readonly InputFault[];
  /** The service that could not be had. */
  readonly upstream?: string;
}

/** The one place that knows which status an error code is. */
const statusByCode: Readonly<Record<string, number>> = {
  invalid_input: 400,
  not_found: 404,
  payload_too_large: 413,
  unsupported_media_type: 415,
  deadline_exceeded: 504,
  upstream_unavailable: 503,
  upstream_overloaded: 503,
  upstream_timeout: 504,
  upstream_bad_response: 502,
  // The caller has closed the connection; proxies log 499 for that.
  upstream_aborted: 499,
  no_instances: 503,
  registry_unavailable: 503,
  database_unavailable: 503,
  database_timeout: 503,
};

/** The answer to an error. What is not ours becomes a 500 that tells nothing; its cause is for the log. */
export function toProblem(error: unknown): Problem {
  if (error instanceof RequestError) {
    const { code, message, faults } = error;
    return problem(statusByCode[code] ?? 500, code, message, {
      ...(faults.length === 0 ? {} : { errors: faults }),
    });
  }
  if (error instanceof UpstreamError) {
    const { code, service } = error;
    const detail = `the service '${service}' ${upstreamDetails[code]}`;
    return problem(statusByCode[code] ?? 500, code, detail, { upstream: service });
  }
  if (error instanceof DiscoveryError) {
    return problem(
      statusByCode[error.code] ?? 500,
      error.code,
      'the service registry has no answer',
    );
  }
  if (error instanceof DatabaseError && error.isPassing) {
    const { code } = error;
    return problem(statusByCode[code] ?? 500, code, 'the database has no answer');
  }
  return problem(
    500,
    'internal',
    'something went wrong on our side; the request id leads to the log',
  );
}

/** The body for a status that no error stands behind: an unknown path, a method not allowed. */
export function problemOfStatus(status: number, detail: string): Problem {
  const code = (STATUS_CODES[status] ?? 'error').toLowerCase().replaceAll(' ', '_');
  return problem(status, code, detail);
}

const upstreamDetails: Record<UpstreamError['code'], string> = {
  upstream_unavailable: 'cannot be reached',
  upstream_overloaded: 'has too many requests at present',
  upstream_timeout: 'did not answer in time',
  upstream_bad_response: 'gave an answer that cannot be used',
  upstream_aborted: 'was not waited for',
};

function problem(
  status: number,
  code: string,
  detail: string,
  more: Pick<Problem, 'errors' | 'upstream'> = {},
): Problem {
  const title = STATUS_CODES[status] ?? 'Client Closed Request';
  return { type: 'about:blank', title, status, detail, code, ...more };
}
