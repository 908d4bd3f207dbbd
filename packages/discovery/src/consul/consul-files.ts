import { readText, type TlsFiles } from '../adapter/tls-files';
import { DiscoveryError } from '../discovery-error';

/** How HTTPS is spoken with the agents. Each file is read again before each request, and may be exchanged at any time. */
export interface ConsulTls extends TlsFiles {
  /** Name that the agents' certificates are for, as `server.dc1.consul`; by default the host that is asked. */
  readonly serverName?: string | undefined;
}

/** What the files are called in a registry URL. */
export const tlsParameters = { caFile: 'ca-file', certFile: 'cert-file', keyFile: 'key-file' };

/** The ACL token of a file; `undefined` without a file. Throws `invalid_options`, and never shows what is in the file. */
export function readToken(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const token = readText('token-file', file).trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new DiscoveryError(
    'invalid_options',
    `the file of 'token-file', ${file}, holds no token: expected one line of printable ASCII`,
  );
}
