import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { codeOf } from '../../adapter/message-of';
import { SourceFailure } from '../../adapter/source-failure';

/** A mapping of a kubeconfig, read field by field. What is empty counts as absent, as for client-go. */
export class KubeconfigEntry {
  /** The file it stands in. */
  readonly file: string;
  readonly #what: string;
  readonly #fields: Readonly<Record<string, unknown>>;

  /** @param what how messages name it. Throws a `SourceFailure` if `fields` is no mapping. */
  constructor(file: string, what: string, fields: unknown) {
    this.file = file;
    this.#what = what;
    if (!isMapping(fields ?? {})) throw this.refuse('is not a mapping of fields');
    this.#fields = (fields ?? {}) as Readonly<Record<string, unknown>>;
  }

  refuse(reason: string, cause?: unknown): SourceFailure {
    return unusable(this.file, `${this.#what} ${reason}`, cause);
  }

  has(field: string): boolean {
    return this.#fields[field] != null && this.#fields[field] !== '';
  }

  text(field: string): string | undefined {
    if (!this.has(field)) return undefined;
    return this.#text(field, this.#fields[field]);
  }

  flag(field: string): boolean {
    const value = this.#fields[field] ?? false;
    if (typeof value !== 'boolean') throw this.refuse(`has neither true nor false as ${field}`);
    return value;
  }

  texts(field: string): readonly string[] {
    return this.#list(field).map((value) => this.#text(field, value));
  }

  /** Those of a list of mappings. */
  entries(field: string): readonly KubeconfigEntry[] {
    return this.#list(field).map(
      (value, i) => new KubeconfigEntry(this.file, `${this.#what}: ${field}[${i}]`, value),
    );
  }

  entry(field: string): KubeconfigEntry | undefined {
    if (!this.has(field)) return undefined;
    return new KubeconfigEntry(this.file, `${this.#what}: ${field}`, this.#fields[field]);
  }

  get fields(): readonly string[] {
    return Object.keys(this.#fields);
  }

  /** What an extension holds is anything. */
  raw(field: string): unknown {
    return this.#fields[field];
  }

  /** A relative path starts at the folder of the kubeconfig. */
  path(field: string): string | undefined {
    const name = this.text(field);
    return name === undefined ? undefined : path.resolve(path.dirname(this.file), name);
  }

  /** The PEM that `FIELD-data` holds, or the file `FIELD`, which is read each time: it is exchanged while the program runs. */
  pem(field: string): (() => Promise<Buffer>) | undefined {
    const file = this.path(field);
    const base64 = this.text(`${field}-data`);
    if (file === undefined && base64 === undefined) return undefined;
    if (file !== undefined && base64 !== undefined) {
      throw this.refuse(`has both ${field} and ${field}-data: remove one`);
    }
    if (base64 === undefined) return async () => this.#pem(field, await this.read(field));
    if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(base64)) {
      throw this.refuse(`has a ${field}-data that is not base64`);
    }
    const pem = this.#pem(`${field}-data`, Buffer.from(base64, 'base64'));
    return () => Promise.resolve(pem);
  }

  /** The content of the file that a field names. */
  async read(field: string): Promise<Buffer> {
    const file = this.path(field) ?? '';
    try {
      return await readFile(file);
    } catch (cause: unknown) {
      throw this.refuse(`has a ${field} that cannot be read: ${file} (${codeOf(cause)})`, cause);
    }
  }

  #pem(field: string, content: Buffer): Buffer {
    if (!content.includes('-----BEGIN ')) throw this.refuse(`has a ${field} that holds no PEM`);
    return content;
  }

  #text(field: string, value: unknown): string {
    if (typeof value !== 'string') {
      throw this.refuse(`has no text as ${field}: put it in quotes`);
    }
    return value;
  }

  #list(field: string): readonly unknown[] {
    const value = this.#fields[field] ?? [];
    if (!Array.isArray(value)) throw this.refuse(`has no list as ${field}`);
    return value as readonly unknown[];
  }
}

export function isMapping(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The failure of a configuration that cannot be used: the message names the file, the thing and the remedy. */
export function noConfig(message: string, cause?: unknown): SourceFailure {
  return new SourceFailure('unreachable', message, { reason: 'no_config', cause });
}

/** The same, of a kubeconfig. */
export function unusable(file: string, reason: string, cause?: unknown): SourceFailure {
  return noConfig(`the kubeconfig ${file} cannot be used: ${reason}`, cause);
}
