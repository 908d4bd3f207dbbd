import { DiscoveryError } from '@movies/discovery';
import { FileValue, readCertificates, type TlsFiles } from '@movies/discovery/adapter';
import { createSecureContext, type SecureContextOptions } from 'node:tls';

/**
 * How TLS is spoken with instances. Each of authorities, certificate and key is given as a PEM file or as its content.
 * Files are read again before each new connection: put new ones in their place at any time. Connections that are open
 * keep what they began with; those that carry no request end after `keepAliveMs`.
 */
export interface ClientTls extends TlsFiles {
  /** The authorities to trust, as PEM; the system's by default. */
  readonly ca?: string | Buffer | undefined;
  /** The certificate that this client shows, as PEM, and its key: both, or none. */
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  /** The name that the certificates of the instances are for. That of the service by default, or the host of the URL. */
  readonly serverName?: string | undefined;
}

const fileNames = { caFile: 'tls.caFile', certFile: 'tls.certFile', keyFile: 'tls.keyFile' };

/** The names of the options, each with the one that takes its place. */
const alternatives = { ca: 'caFile', cert: 'certFile', key: 'keyFile' } as const;

export const tlsOptionNames = [
  ...Object.keys(alternatives),
  ...Object.values(alternatives),
  'serverName',
];

/** The certificates to show and to trust, as they are now. */
export class TlsCredentials {
  readonly serverName: string | undefined;
  readonly #values: SecureContextOptions;
  readonly #files: FileValue<SecureContextOptions>;
  #present: { readonly files: SecureContextOptions; readonly all: SecureContextOptions };

  /** Throws a `TypeError` that names the option, or the file, that cannot be used. */
  constructor({ serverName, ca, cert, key, ...files }: ClientTls) {
    this.serverName = serverName;
    this.#values = {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    };
    for (const [value, file] of Object.entries(alternatives)) {
      if (files[file] !== undefined && Object.hasOwn(this.#values, value)) {
        throw new TypeError(`'tls.${value}' and 'tls.${file}' say the same: give one of them`);
      }
    }
    if ((cert === undefined) !== (key === undefined)) {
      throw new TypeError("'tls.cert' and 'tls.key' go together: give both, or none");
    }
    this.#files = namingOptions(
      () => new FileValue((before) => readCertificates(files, fileNames, before)),
    );
    this.#present = this.#merge(this.#files.get());
    namingOptions(() => createSecureContext(this.#present.all));
  }

  /** The same object as long as nothing changes. */
  get(): SecureContextOptions {
    const files = this.#files.get();
    if (files !== this.#present.files) this.#present = this.#merge(files);
    return this.#present.all;
  }

  #merge(files: SecureContextOptions) {
    return { files, all: { ...this.#values, ...files } };
  }
}

function namingOptions<Result>(make: () => Result): Result {
  try {
    return make();
  } catch (cause: unknown) {
    if (cause instanceof DiscoveryError) throw new TypeError(cause.message, { cause });
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`'tls' cannot be used: ${message}`, { cause });
  }
}
