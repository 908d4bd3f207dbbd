import type { SecureContextOptions } from 'node:tls';

/** Where the API server is, and how to speak to it as this program. */
export interface KubeAccess {
  /** `https://` or `http://`, host, port and, behind a gateway, a path without a slash at its end. */
  readonly server: string;
  /** The namespace of a request that names none. May be read late, and may throw a `SourceFailure`. */
  readonly namespace: string;
  /**
   * URL of the proxy for this server: `http://`, `https://` or `socks5://`, with percent-encoded user and password if it
   * wants them. None by default: the variables of the environment do not count here.
   */
  readonly proxy?: string | undefined;
  /**
   * Asked for each request: tokens and certificates are exchanged while the program runs. Has 70 seconds; requests that
   * begin meanwhile wait for the same call. Rejects with an error that says what to do; its message is part of the
   * failure that a watch shows.
   */
  credentials(options?: CredentialsOptions): Promise<KubeCredentials>;
}

/** What is known when credentials are asked for. */
export interface CredentialsOptions {
  /** Those that the API server has just answered with 401: the same are worth nothing. `undefined` for a first request. */
  readonly refused?: KubeCredentials | undefined;
  /** Ends what runs for them, such as an exec plug-in: after 70 seconds, or when the registry is closed. */
  readonly signal?: AbortSignal | undefined;
}

/** What a request is sent with, beside what every request has. */
export interface KubeCredentials {
  /**
   * Sent with each request, such as `authorization: Bearer TOKEN`. White space at the ends of a value is dropped. A value
   * with a line break, control character or character beyond Latin-1 fails the request with the reason `no_config`.
   */
  readonly headers: Readonly<Record<string, string>>;
  /** Other values make new connections; watches under way keep the old ones. `{}` for a server without TLS. */
  readonly tls: KubeTls;
}

/**
 * How the connection is made. `ca`, `cert` and `key` are PEM, as for `tls.connect`; the authorities of Node count where
 * there is no `ca`. `servername` is the name that the certificate of the API server must have; that of its URL by
 * default. `rejectUnauthorized: false` leaves the certificates of the API server and of its proxy unchecked.
 */
export type KubeTls = Pick<SecureContextOptions, 'ca' | 'cert' | 'key'> & {
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
};
