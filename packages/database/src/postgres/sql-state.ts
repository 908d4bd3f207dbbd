import { DatabaseError, type DatabaseErrorCode } from '../database-error';
import { reasonOf } from '../reason-of';

/** Codes, or classes of codes, that tell of the server's state and not of the statement. */
const passing = [
  '08', // connection exception
  '25006', // read-only: we are still connected to what was the primary
  '53', // too many connections, disk full, out of memory
  '57P', // shutting down, crashed, starting up
  '58', // its operating system failed
];

/**
 * What PostgreSQL said, as ours. See https://www.postgresql.org/docs/current/errcodes-appendix.html; without a code
 * it is the connection that failed.
 */
export function toDatabaseError(cause: unknown, where: string): DatabaseError {
  if (cause instanceof DatabaseError) return cause;
  const state = sqlStateOf(cause);
  const code = codeOf(state);
  const what =
    code === 'query_failed'
      ? `${where} refused a statement`
      : code === 'database_timeout'
        ? `${where} did not answer in time`
        : `${where} cannot be used now`;
  const shown = state === undefined ? '' : ` (${state})`;
  return new DatabaseError(code, `${what}: ${reasonOf(cause)}${shown}`, { cause });
}

/** Whether the connection that a statement failed on is still good for another. */
export function leavesConnectionGood(cause: unknown): boolean {
  const state = sqlStateOf(cause);
  return state !== undefined && codeOf(state) !== 'database_unavailable';
}

function codeOf(state: string | undefined): DatabaseErrorCode {
  // Cancelled: by the statement_timeout that the connection was opened with.
  if (state === '57014') return 'database_timeout';
  if (state === undefined || passing.some((prefix) => state.startsWith(prefix))) {
    return 'database_unavailable';
  }
  return 'query_failed';
}

/** Only what a server sends has a severity; `EPIPE` alone could be taken for one of its codes. */
function sqlStateOf(cause: unknown): string | undefined {
  const { code, severity } = cause as { readonly code?: unknown; readonly severity?: unknown };
  return typeof code === 'string' && severity !== undefined ? code : undefined;
}
