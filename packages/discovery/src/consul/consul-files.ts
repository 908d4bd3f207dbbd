import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { codeOf, messageOf } from '../adapter/message-of';
import { DiscoveryError } from '../discovery-error';

/** How HTTPS is spoken with the agents. Each file is read again before each request, and may be exchanged at any time. */
export interface ConsulTls {
  /** PEM file of the authorities to trust; the system's by default. */
  readonly caFile?: string | undefined;
  /** PEM file of the certificate that this client shows; none by default. Goes with `keyFile`. */
  readonly certFile?: string | undefined;
  /** PEM file of the key of that certificate, not encrypted. Goes with `certFile`. */
  readonly keyFile?: string | undefined;
  /** Name that the agents' certificates are for, as `server.dc1.consul`; by default the host that is asked. */
  readonly serverName?: string | undefined;
}

/** What stands in files: the last good value, while they cannot be read or do not fit together. */
export class FileValue<T> {
  readonly #read: (before: T | undefined) => T;
  #value: T;

  /** `read` gets the value before, to return it where nothing changed. Throws what `read` throws. */
  constructor(read: (before: T | undefined) => T) {
    this.#read = read;
    this.#value = read(undefined);
  }

  /** The value as it is now. A file is missing, empty or alone for a moment while it is being exchanged. */
  get(): T {
    try {
      this.#value = this.#read(this.#value);
    } catch (error: unknown) {
      if (!(error instanceof DiscoveryError)) throw error;
    }
    return this.#value;
  }
}

/** The ACL token of a file; `undefined` without a file. Throws `invalid_options`, and never shows what is in the file. */
export function readToken(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const token = readText('token-file', file).trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw invalidOptions(
    `the file of 'token-file', ${file}, holds no token: expected one line of printable ASCII`,
  );
}

/** The certificates of the files: `before` itself if they are the same. Throws `invalid_options`. */
export function readCertificates(
  { caFile, certFile, keyFile }: ConsulTls,
  before: SecureContextOptions | undefined,
): SecureContextOptions {
  const now: SecureContextOptions = {
    ...(caFile === undefined ? {} : { ca: readPem('ca-file', caFile) }),
    ...(certFile === undefined ? {} : { cert: readPem('cert-file', certFile) }),
    ...(keyFile === undefined ? {} : { key: readPem('key-file', keyFile) }),
  };
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw invalidOptions("'cert-file' and 'key-file' go together: give both, or none");
  }
  if (before?.ca === now.ca && before?.cert === now.cert && before?.key === now.key) {
    return before ?? now;
  }
  try {
    // Made only to see that it can be: undici makes it with the first connection.
    createSecureContext(now);
  } catch (error: unknown) {
    throw invalidOptions(
      `'ca-file', 'cert-file' and 'key-file' cannot be used together: ${messageOf(error)}`,
      error,
    );
  }
  return now;
}

/** Node takes an empty text for no certificate, and then trusts the system's authorities. */
function readPem(parameter: string, file: string): string {
  const pem = readText(parameter, file);
  if (pem.includes('-----BEGIN ')) return pem;
  throw invalidOptions(`the file of '${parameter}', ${file}, holds no PEM block`);
}

function readText(parameter: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error: unknown) {
    throw invalidOptions(
      `cannot read the file of '${parameter}', ${file} (${codeOf(error)})`,
      error,
    );
  }
}

function invalidOptions(message: string, cause?: unknown): DiscoveryError {
  return new DiscoveryError('invalid_options', message, { cause });
}
