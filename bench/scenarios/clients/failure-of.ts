import { errors } from 'undici';

const names: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
};

/** A failure of undici in the word that all clients share: the cause counts, as `fetch` wraps it. */
export function failureOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.name === 'TimeoutError') return 'timeout';
    if (cause instanceof errors.RequestRetryError) return String(cause.statusCode);
    const name = names[(cause as NodeJS.ErrnoException).code ?? ''];
    if (name !== undefined) return name;
  }
  return error instanceof Error ? `other: ${error.name} ${error.message}` : 'other';
}

/** The outcome of an answer. */
export function outcomeOf(status: number): string {
  return status < 300 ? 'ok' : String(status);
}
