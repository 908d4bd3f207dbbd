import type { Clock } from '@movies/time';
import type { CredentialsOptions, KubeCredentials } from './kube-access';

/** What is known of a user for a time. */
export interface Credential {
  readonly token?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Milliseconds since the epoch; `Infinity` if it stays good. */
  readonly expiresAt: number;
}

/** Between two attempts of which the first was of no use. */
const pauseMs = 10_000;

interface Attempt {
  readonly outcome: Promise<Credential>;
  /** `undefined` while it is under way. */
  endedAt: number | undefined;
  /** `undefined` also if it failed. */
  credential: Credential | undefined;
  /** It failed, gave what was expired or refused already, or was for a refusal: another at once would be as useless. */
  useless: boolean;
}

/**
 * Keeps a credential that costs something to get, until it is expired or was refused with 401. All that ask meanwhile
 * share one attempt to get another.
 */
export class CredentialCache {
  readonly #obtain: (signal: AbortSignal) => Promise<Credential>;
  readonly #clock: Clock;
  #last: Attempt | undefined;

  constructor(obtain: (signal: AbortSignal) => Promise<Credential>, clock: Clock) {
    this.#obtain = obtain;
    this.#clock = clock;
  }

  /** The credential as headers and certificates; rejects as the last attempt did. */
  async credentials({ refused, signal }: CredentialsOptions): Promise<KubeCredentials> {
    if (this.#last === undefined || this.#isOver(this.#last, refused)) {
      this.#last = this.#attempt(refused, signal);
    }
    return toCredentials(await this.#last.outcome);
  }

  /** Whether another attempt is wanted, and has a chance. */
  #isOver(
    { endedAt, credential, useless }: Attempt,
    refused: KubeCredentials | undefined,
  ): boolean {
    if (endedAt === undefined) return false;
    if (useless && this.#clock.now() - endedAt < pauseMs) return false;
    return credential === undefined || this.#isExpired(credential) || isSame(credential, refused);
  }

  #attempt(refused?: KubeCredentials, signal = new AbortController().signal): Attempt {
    const obtain = async () => {
      try {
        const credential = await this.#obtain(signal);
        attempt.credential = credential;
        attempt.useless = this.#isExpired(credential) || refused !== undefined;
        return credential;
      } finally {
        attempt.endedAt = this.#clock.now();
      }
    };
    const attempt: Attempt = {
      outcome: Promise.resolve().then(obtain),
      endedAt: undefined,
      credential: undefined,
      useless: true,
    };
    return attempt;
  }

  #isExpired({ expiresAt }: Credential): boolean {
    return this.#clock.now() >= expiresAt;
  }
}

function isSame(credential: Credential, refused: KubeCredentials | undefined): boolean {
  const { headers, tls } = toCredentials(credential);
  return (
    refused !== undefined &&
    refused.headers['authorization'] === headers['authorization'] &&
    (tls.cert === undefined || refused.tls.cert === tls.cert)
  );
}

function toCredentials({ token, cert, key }: Credential): KubeCredentials {
  return {
    headers: token === undefined ? {} : { authorization: `Bearer ${token.trim()}` },
    tls: cert === undefined || key === undefined ? {} : { cert, key },
  };
}
