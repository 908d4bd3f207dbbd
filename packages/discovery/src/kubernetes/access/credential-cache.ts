import type { Clock } from '@movies/time';
import type { CredentialsOptions, KubeCredentials } from './kube-access';

/** What a user is known by for a time. */
export interface Credential extends KubeCredentials {
  /**
   * Milliseconds since the epoch; `Infinity` if it stays good; `undefined` if its provider keeps it, so that each request
   * asks the provider.
   */
  readonly expiresAt: number | undefined;
}

/** Gets a credential. `refused` is the one that the API server has just answered with 401. */
export type Obtain = (
  signal: AbortSignal,
  refused: KubeCredentials | undefined,
) => Promise<Credential>;

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
  readonly #obtain: Obtain;
  readonly #clock: Clock;
  #last: Attempt | undefined;

  constructor(obtain: Obtain, clock: Clock) {
    this.#obtain = obtain;
    this.#clock = clock;
  }

  /** The credential as headers and certificates; rejects as the last attempt did. */
  async credentials({ refused, signal }: CredentialsOptions): Promise<KubeCredentials> {
    if (this.#last === undefined || this.#isOver(this.#last, refused)) {
      this.#last = this.#attempt(refused, signal);
    }
    const { headers, tls } = await this.#last.outcome;
    return { headers, tls };
  }

  /** Whether another attempt is wanted, and has a chance. */
  #isOver(
    { endedAt, credential, useless }: Attempt,
    refused: KubeCredentials | undefined,
  ): boolean {
    if (endedAt === undefined) return false;
    if (useless && this.#clock.now() - endedAt < pauseMs) return false;
    if (credential?.expiresAt === undefined) return true;
    return this.#isExpired(credential) || isSame(credential, refused);
  }

  #attempt(refused?: KubeCredentials, signal = new AbortController().signal): Attempt {
    const obtain = async () => {
      try {
        const credential = await this.#obtain(signal, refused);
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
    return expiresAt !== undefined && this.#clock.now() >= expiresAt;
  }
}

function isSame({ headers, tls }: Credential, refused: KubeCredentials | undefined): boolean {
  return (
    refused !== undefined &&
    refused.headers['authorization'] === headers['authorization'] &&
    (tls.cert === undefined || refused.tls.cert === tls.cert)
  );
}
