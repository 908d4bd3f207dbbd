import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { DiscoveryError } from '../discovery-error';
import { codeOf, messageOf } from './message-of';

/** PEM files, which may be exchanged at any time. */
export interface TlsFiles {
  /** The authorities to trust; the system's by default. */
  readonly caFile?: string | undefined;
  /** The certificate that this client shows; none by default. Goes with `keyFile`. */
  readonly certFile?: string | undefined;
  /** The key of that certificate, not encrypted. Goes with `certFile`. */
  readonly keyFile?: string | undefined;
}

/** What users call the files. */
export type TlsFileNames = Readonly<Record<keyof TlsFiles, string>>;

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

/** The certificates of the files: `before` itself if they are the same. Throws `invalid_options`. */
export function readCertificates(
  { caFile, certFile, keyFile }: TlsFiles,
  names: TlsFileNames,
  before: SecureContextOptions | undefined,
): SecureContextOptions {
  const now: SecureContextOptions = {
    ...(caFile === undefined ? {} : { ca: readPem(names.caFile, caFile) }),
    ...(certFile === undefined ? {} : { cert: readPem(names.certFile, certFile) }),
    ...(keyFile === undefined ? {} : { key: readPem(names.keyFile, keyFile) }),
  };
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw invalidOptions(
      `'${names.certFile}' and '${names.keyFile}' go together: give both, or none`,
    );
  }
  if (before?.ca === now.ca && before?.cert === now.cert && before?.key === now.key) {
    return before ?? now;
  }
  try {
    // Made only to see that it can be: undici makes it with the first connection.
    createSecureContext(now);
  } catch (error: unknown) {
    throw invalidOptions(
      `'${names.caFile}', '${names.certFile}' and '${names.keyFile}' cannot be used together: ${messageOf(error)}`,
      error,
    );
  }
  return now;
}

/** Node takes an empty text for no certificate, and then trusts the system's authorities. */
function readPem(name: string, file: string): string {
  const pem = readText(name, file);
  if (pem.includes('-----BEGIN ')) return pem;
  throw invalidOptions(`the file of '${name}', ${file}, holds no PEM block`);
}

/** The text of the file that users call `name`. Throws `invalid_options`, and never shows what is in it. */
export function readText(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error: unknown) {
    throw invalidOptions(`cannot read the file of '${name}', ${file} (${codeOf(error)})`, error);
  }
}

function invalidOptions(message: string, cause?: unknown): DiscoveryError {
  return new DiscoveryError('invalid_options', message, { cause });
}
