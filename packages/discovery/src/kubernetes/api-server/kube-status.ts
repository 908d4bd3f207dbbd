import { SourceFailure } from '../../adapter/source-failure';

/** `Status` of the API conventions, as far as it is read: the body of an error, and the object of an ERROR event. */
export interface KubeStatus {
  readonly code: number;
  readonly message?: string | undefined;
  /** What the server asks to wait, from `Retry-After` or the status itself. */
  readonly retryAfterMs?: number | undefined;
  /** The server's cache has not come to the version that was asked for. */
  readonly isVersionTooLarge?: boolean;
}

/** Of an error that does not say. */
const unknownErrorCode = 500;

/** Reads the object of an ERROR event, or what an error's body parsed to; never throws. */
export function parseStatus(value: unknown): KubeStatus {
  const { code, message, details } = (value ?? {}) as {
    readonly code?: unknown;
    readonly message?: unknown;
    readonly details?: { readonly retryAfterSeconds?: unknown; readonly causes?: unknown } | null;
  };
  const seconds = details?.retryAfterSeconds;
  const causes: readonly unknown[] = Array.isArray(details?.causes) ? details.causes : [];
  return {
    code: typeof code === 'number' ? code : unknownErrorCode,
    message: typeof message === 'string' && message !== '' ? message.slice(0, 500) : undefined,
    retryAfterMs: typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined,
    isVersionTooLarge:
      causes.some(
        (cause) => (cause as { reason?: unknown } | null)?.reason === 'ResourceVersionTooLarge',
      ) ||
      // Before Kubernetes 1.19 there is no cause.
      (typeof message === 'string' && message.includes('Too large resource version')),
  };
}

const remedies: Readonly<Record<number, string>> = {
  401: 'the token or certificate is not, or no longer, valid',
  403: 'the account needs a Role with the verbs list and watch on this resource in this namespace, and a RoleBinding',
  404: 'the server does not know this resource; one before 1.21 needs api=endpoints',
};

/** The failure that an error of the server is; `event` if it came inside a watch. */
export function toFailure(status: KubeStatus, form: 'http' | 'event'): SourceFailure {
  const { code, message, retryAfterMs } = status;
  if (code === 410) {
    return new SourceFailure(
      'expired',
      `the API server no longer knows this version: ${message ?? '410'}`,
    );
  }
  if (status.isVersionTooLarge === true) {
    return new SourceFailure(
      'expired',
      `the API server does not know this version yet: ${message ?? code}`,
      { reason: 'version_too_large' },
    );
  }
  const remedy = remedies[code];
  return new SourceFailure(
    'refused',
    `the API server answered ${code}${message === undefined ? '' : `: ${message}`}` +
      (remedy === undefined ? '' : ` (${remedy})`),
    { reason: `${form}_${code}`, retryAfterMs },
  );
}
