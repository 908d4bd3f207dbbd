import type { Database, Queryable, QueryOptions, Row, Statement } from './database';
import { DatabaseError } from './database-error';
import { reasonOf } from './reason-of';
import { migrate, readMigrations, type Migration } from './migrations';

export interface ServiceDatabaseOptions {
  readonly database: Database;
  /** The service's own PostgreSQL schema: several services may share a database. */
  readonly schema: string;
  /** Of the files that make its tables. */
  readonly migrationsFolder: string;
  /** Puts in what is to be there from the start; runs at every start, after the migrations. */
  readonly seed?: (database: Queryable) => Promise<void>;
}

/** A query that has ended. */
export interface QueryEnd {
  /** The statement's name; `other` for one without. */
  readonly query: string;
  /** `ok`, or the code of its error. */
  readonly outcome: string;
  /** From the call to the answer: waiting for a connection, and a second try, included. */
  readonly durationMs: number;
}

const probeMs = 1000;
/** One slow query may be its own fault. */
const failuresInRow = 5;

/**
 * A database with a service's tables in it: http-service's `Store`. Until they are there every query is refused with
 * `database_unavailable`, so that nobody works on tables that are missing, or newer than the program.
 *
 * So it is after five queries in a row for which the database could not be had, until it answers a probe: what hangs
 * would have every request wait for its deadline, and all of them pile up.
 */
export class ServiceDatabase implements Queryable {
  readonly #options: ServiceDatabaseOptions;
  readonly #migrations: readonly Migration[];
  #isPrepared = false;
  #isClosed = false;
  #failure: DatabaseError | undefined;
  #failures = 0;
  #probe: NodeJS.Timeout | undefined;
  #onQuery: (end: QueryEnd) => void = () => undefined;

  /** Reads the migrations, and throws if they are not numbered one after the other. */
  constructor(options: ServiceDatabaseOptions) {
    this.#options = options;
    this.#migrations = readMigrations(options.migrationsFolder);
  }

  /** Why it cannot be used, as of its last use; found out anew every second until it can. */
  get failure(): DatabaseError | undefined {
    return this.#failure;
  }

  /** Has every query told from now on, to this one listener. */
  onQuery(listener: (end: QueryEnd) => void): void {
    this.#onQuery = listener;
  }

  /** Brings the tables up to date. Rejects if that is not possible now, and can be tried again. */
  async prepare(signal: AbortSignal): Promise<void> {
    const { database, schema, seed } = this.#options;
    try {
      await migrate(database, { schema, migrations: this.#migrations, signal });
      await seed?.(database);
    } catch (cause: unknown) {
      signal.throwIfAborted();
      const message = `the schema '${schema}' cannot be prepared: ${reasonOf(cause)}`;
      this.#failure =
        cause instanceof DatabaseError
          ? cause
          : new DatabaseError('migration_failed', message, { cause });
      throw this.#failure;
    }
    this.#failure = undefined;
    this.#isPrepared = true;
  }

  async query(
    statement: Statement,
    values?: readonly unknown[],
    options?: QueryOptions,
  ): Promise<readonly Row[]> {
    if (!this.#isPrepared) {
      const reason = this.#failure?.message ?? 'this service is starting';
      throw new DatabaseError('database_unavailable', `the tables are not ready: ${reason}`);
    }
    if (this.#failure !== undefined && this.#failures >= failuresInRow) {
      const message = `${this.#failure.message}; it is asked again every second`;
      throw new DatabaseError('database_unavailable', message, { cause: this.#failure });
    }
    const startedAt = performance.now();
    let outcome = 'ok';
    try {
      const rows = await this.#options.database.query(statement, values, options);
      this.#noteAnswer();
      return rows;
    } catch (error: unknown) {
      outcome = error instanceof DatabaseError ? error.code : 'unknown';
      this.#noteError(error);
      throw error;
    } finally {
      const durationMs = performance.now() - startedAt;
      this.#onQuery({ query: statement.name ?? 'other', outcome, durationMs });
    }
  }

  close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#probe);
    return this.#options.database.close();
  }

  #noteAnswer(): void {
    this.#failure = undefined;
    this.#failures = 0;
  }

  #noteError(error: unknown): void {
    // To refuse what was asked is an answer, too.
    if (!(error instanceof DatabaseError) || !error.isPassing) {
      this.#noteAnswer();
      return;
    }
    this.#failure = error;
    this.#failures += 1;
    if (this.#isClosed || this.#probe !== undefined) return;
    this.#probe = setTimeout(() => void this.#askAgain(), probeMs);
  }

  /** Every second until it answers, since it may be that nobody else asks. */
  async #askAgain(): Promise<void> {
    this.#probe = undefined;
    if (this.#failure === undefined) return;
    try {
      await this.#options.database.query({ text: 'SELECT 1' }, [], { timeoutMs: probeMs });
      this.#noteAnswer();
    } catch (error: unknown) {
      this.#noteError(error);
    }
  }
}
