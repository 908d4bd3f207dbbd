import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Database } from '../database';
import { databaseFromUrl } from '../database-from-url';
import { ServiceDatabase } from '../service-database';

export interface TestDatabaseOptions {
  readonly service: string;
  readonly migrationsFolder: string;
  /** An embedded one in a folder of its own by default. */
  readonly url?: string;
}

/** A database with the tables of a service in it, for the tests of one file. */
export class TestDatabase {
  readonly database: ServiceDatabase;
  readonly #opened: Database;
  readonly #folder: string | undefined;

  private constructor({ service, migrationsFolder, url }: TestDatabaseOptions) {
    if (url === undefined) this.#folder = mkdtempSync(path.join(tmpdir(), 'movies-database-'));
    const source = databaseFromUrl(url ?? `file:${this.#folder ?? ''}`);
    if (source === undefined) throw new TypeError('memory: is no database');
    this.#opened = source.open({ service, timeoutMs: 10_000 });
    this.database = new ServiceDatabase({
      database: this.#opened,
      schema: service,
      migrationsFolder,
    });
  }

  static async open(options: TestDatabaseOptions): Promise<TestDatabase> {
    const opened = new TestDatabase(options);
    await opened.database.prepare(new AbortController().signal);
    return opened;
  }

  /** Empties tables. */
  async empty(...tables: readonly string[]): Promise<void> {
    await this.#opened.query({ text: `TRUNCATE ${tables.join(', ')}` });
  }

  async close(): Promise<void> {
    await this.#opened.close();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true });
  }
}
