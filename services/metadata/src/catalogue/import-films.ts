import { isDeepStrictEqual } from 'node:util';
import { maxListLength, type Metadata } from '@movies/api';
import type { FilmStore } from './film-store';
import type { RecordFormat } from './record-formats';
import type { SourceRecord } from './source-record';

/** What has come of an import so far: each record that was read is counted once more, as what became of it. */
export interface ImportCounts {
  readonly read: number;
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly rejected: number;
}

export interface ImportOptions {
  readonly records: AsyncIterable<SourceRecord>;
  readonly format: RecordFormat;
  readonly store: FilmStore;
  /** How many films are put at the same time. */
  readonly concurrency: number;
  /** Stops it behind what is under way; what is counted by then is true. */
  readonly signal: AbortSignal;
  /** Hears of each record that is no film, and why. */
  readonly onRejected: (at: string, reason: string) => void;
  readonly onProgress: (counts: ImportCounts) => void;
}

/** A film, and where in the catalogue it is. */
interface Located {
  readonly at: string;
  readonly film: Metadata;
}

/**
 * Puts the films of a catalogue into a store. It first asks the store what it has: a film that is stored with the
 * same content is skipped, so an interrupted import is resumed by running it again; a known id with other content
 * replaces the stored film. Of several records with one id the first counts. Resolves also when stopped.
 */
export async function importFilms(options: ImportOptions): Promise<ImportCounts> {
  const run = new Import(options);
  await run.run();
  return run.counts;
}

class Import {
  readonly counts = { read: 0, added: 0, changed: 0, unchanged: 0, rejected: 0 };
  readonly #options: ImportOptions;
  /** Where each id was first. */
  readonly #seen = new Map<string, string>();

  constructor(options: ImportOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { records, signal } = this.#options;
    let batch: Located[] = [];
    try {
      for await (const record of records) {
        signal.throwIfAborted();
        this.counts.read += 1;
        const film = this.#filmOf(record);
        if (film !== undefined) batch.push({ at: record.at, film });
        if (batch.length < maxListLength) continue;
        await this.#put(batch);
        batch = [];
      }
      await this.#put(batch);
    } catch (error: unknown) {
      if (!signal.aborted) throw error;
    }
  }

  #filmOf(record: SourceRecord): Metadata | undefined {
    if ('fault' in record) {
      this.#reject(record.at, record.fault);
      return undefined;
    }
    const parsed = this.#options.format.safeParse(record.value);
    if (!parsed.success) {
      const faults = parsed.error.issues.map(({ path, message }) =>
        [...path, message].map(String).join(' '),
      );
      this.#reject(record.at, faults.join('; '));
      return undefined;
    }
    const { id } = parsed.data;
    const first = this.#seen.get(id);
    if (first !== undefined) {
      this.#reject(record.at, `id '${id}' is that of ${first}, which counts`);
      return undefined;
    }
    this.#seen.set(id, record.at);
    return parsed.data;
  }

  async #put(batch: readonly Located[]): Promise<void> {
    if (batch.length === 0) return;
    const { store, concurrency, onProgress } = this.#options;
    // One that fails for good ends the others, too.
    const failing = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, failing.signal]);
    const known = await store.known(
      batch.map(({ film }) => film.id),
      signal,
    );
    // Shared: each worker takes the next one.
    const rest = batch.values();
    const work = async () => {
      for (const next of rest) {
        signal.throwIfAborted();
        await this.#putOne(next, known.get(next.film.id), signal);
        onProgress(this.counts);
      }
    };
    const workers = Array.from({ length: concurrency }, () =>
      work().catch((error: unknown) => {
        failing.abort(error);
      }),
    );
    await Promise.all(workers);
    signal.throwIfAborted();
  }

  async #putOne(
    { at, film }: Located,
    known: Metadata | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    if (isDeepStrictEqual(known, film)) {
      this.counts.unchanged += 1;
      return;
    }
    const refusal = await this.#options.store.put(film, signal);
    if (refusal !== undefined) this.#reject(at, refusal);
    else if (known === undefined) this.counts.added += 1;
    else this.counts.changed += 1;
  }

  #reject(at: string, reason: string): void {
    this.counts.rejected += 1;
    this.#options.onRejected(at, reason);
    this.#options.onProgress(this.counts);
  }
}
