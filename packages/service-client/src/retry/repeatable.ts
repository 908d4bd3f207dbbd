/** Methods that may be sent twice (RFC 9110, 9.2.2). */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** What decides whether a request may be sent again. */
export interface Repeatability {
  readonly method: string;
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
  /** The request is itself sent for a retry of the caller. */
  readonly isRetry?: boolean;
}

/**
 * Whether sending the request twice does no harm: its method is idempotent, or an `Idempotency-Key` makes it so, and it
 * is not itself sent for the second time, since tiers of retries multiply.
 */
export function isRepeatable({ method, headers = {}, isRetry }: Repeatability): boolean {
  if (isRetry === true) return false;
  if (idempotent.has(method.toUpperCase())) return true;
  return Object.entries(headers).some(
    // Without a value it is not sent.
    ([name, value]) => name.toLowerCase() === 'idempotency-key' && Boolean(value),
  );
}
