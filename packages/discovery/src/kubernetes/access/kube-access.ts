import type { SecureContextOptions } from 'node:tls';

/** Where the API server is, and how to speak to it as this program. */
export interface KubeAccess {
  /** `https://` or `http://`, host, port and, behind a gateway, a path without a slash at its end. */
  readonly server: string;
  /** The namespace of a request that names none. May be read late, and may throw a `SourceFailure`. */
  readonly namespace: string;
  /** URL of the proxy for this server: `http://`, `https://` or `socks5://`, with user and password if it wants them. */
  readonly proxy?: string | undefined;
  /**
   * Asked for each request: tokens and certificates are exchanged while the program runs. Rejects with a
   * `SourceFailure` that says what to do.
   */
  credentials(options?: CredentialsOptions): Promise<KubeCredentials>;
}

export interface CredentialsOptions {
  /** Those that the API server has just answered with 401: the same are worth nothing. */
  readonly refused?: KubeCredentials | undefined;
  /** Ends what runs for them, such as an exec plug-in. */
  readonly signal?: AbortSignal | undefined;
}

export interface KubeCredentials {
  /** Sent with each request; no name is there twice in the same letter case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: KubeTls;
}

/** How the connection is made; `servername` is the name that the certificate of the API server must have. */
export type KubeTls = Pick<SecureContextOptions, 'ca' | 'cert' | 'key'> & {
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
};
