import { existsSync, renameSync, rmSync } from 'node:fs';
import type { PGlite } from '@electric-sql/pglite' with { 'resolution-mode': 'import' };
import type {
  Database,
  QueryOptions,
  Row,
  Statement,
  Transaction,
  TransactionOptions,
} from '../database';
import { DatabaseError } from '../database-error';
import { reasonOf } from '../reason-of';
import { FolderLock } from './folder-lock';

/** The files are in the system's cache anyway; its default of 128 MB takes as much of this process, from the start. */
const sharedBuffers = '8MB';

/**
 * PostgreSQL in this process, by PGlite, in a folder of its own. There is one connection, and whoever asks waits for
 * those before. What is written outlives the process, though not a power failure: PGlite has no fsync.
 */
export class PgliteDatabase implements Database {
  readonly #folder: string;
  readonly #timeoutMs: number;
  readonly #lock: FolderLock;
  #opened: Promise<PGlite> | undefined;
  #closed: Promise<void> | undefined;

  /** Takes the folder, which is made if it is not there; throws `folder_in_use` if another process has it. */
  constructor({ folder, timeoutMs }: { readonly folder: string; readonly timeoutMs: number }) {
    this.#folder = folder;
    this.#timeoutMs = timeoutMs;
    this.#lock = FolderLock.take(folder);
  }

  async query(
    { text }: Statement,
    values: readonly unknown[] = [],
    { timeoutMs }: QueryOptions = { timeoutMs: this.#timeoutMs },
  ): Promise<readonly Row[]> {
    return this.#within(timeoutMs, async (pglite) => {
      const { rows } = await this.#telling(pglite.query<Row>(text, [...values]));
      return rows;
    });
  }

  async transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    { timeoutMs, signal }: TransactionOptions,
  ): Promise<T> {
    signal.throwIfAborted();
    return this.#within(timeoutMs, (pglite) =>
      pglite.transaction(async (transaction) => {
        const result = await work({
          query: async (text, values = []) => {
            signal.throwIfAborted();
            const { rows } = await this.#telling(transaction.query<Row>(text, [...values]));
            return rows;
          },
          execute: async (text) => {
            signal.throwIfAborted();
            await this.#telling(transaction.exec(text));
          },
        });
        signal.throwIfAborted();
        return result;
      }),
    );
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    try {
      await (await this.#opened?.catch(() => undefined))?.close();
    } finally {
      this.#lock.release();
    }
  }

  /** A statement runs on this thread and cannot be cut short; waiting for it can. */
  async #within<T>(timeoutMs: number, use: (pglite: PGlite) => Promise<T>): Promise<T> {
    if (timeoutMs <= 0) throw this.#timeout();
    if (this.#closed !== undefined) {
      throw new DatabaseError('database_unavailable', `${this.#where} has been closed`);
    }
    // Without a limit: it is work on this thread, which ends by itself, and is done before anybody asks.
    this.#opened ??= this.#open();
    const pglite = await this.#opened;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(this.#timeout());
      }, timeoutMs);
    });
    try {
      return await Promise.race([use(pglite), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #telling<T>(running: Promise<T>): Promise<T> {
    try {
      return await running;
    } catch (cause: unknown) {
      throw new DatabaseError('query_failed', `${this.#where} refused: ${reasonOf(cause)}`, {
        cause,
      });
    }
  }

  async #open(): Promise<PGlite> {
    try {
      const { PGlite } = await import('@electric-sql/pglite');
      const { pg_trgm } = await import('@electric-sql/pglite/contrib/pg_trgm');
      const startParams = [...PGlite.defaultStartParams, '-c', `shared_buffers=${sharedBuffers}`];
      const open = (dataDir: string) =>
        PGlite.create({ dataDir, extensions: { pg_trgm }, startParams });
      if (!existsSync(this.#folder)) {
        // Beside it first: a folder that is there is whole, also if we are killed while it is being made.
        const unfinished = `${this.#folder}.new`;
        rmSync(unfinished, { recursive: true, force: true });
        await (await open(unfinished)).close();
        renameSync(unfinished, this.#folder);
      }
      return await open(this.#folder);
    } catch (cause: unknown) {
      // The next one tries again.
      this.#opened = undefined;
      const message = `${this.#where} cannot be opened: ${reasonOf(cause)}`;
      throw new DatabaseError('database_unavailable', message, { cause });
    }
  }

  get #where(): string {
    return `the database in ${this.#folder}`;
  }

  #timeout(): DatabaseError {
    return new DatabaseError('database_timeout', `${this.#where} did not answer in time`);
  }
}
