import type { SecureContextOptions } from 'node:tls';

/** Where the API server is, and how to speak to it as this program. */
export interface KubeAccess {
  /** Scheme, host and port. */
  readonly server: string;
  /** The one that is meant where none is named. */
  readonly namespace: string;
  /** Read afresh for each request: tokens and certificates are exchanged while the program runs. */
  credentials(): Promise<KubeCredentials>;
}

export interface KubeCredentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: KubeTls;
}

export type KubeTls = Pick<SecureContextOptions, 'ca' | 'cert' | 'key'> & {
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
};
