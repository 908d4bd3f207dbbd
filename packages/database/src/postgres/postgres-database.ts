import { Socket } from 'node:net';
import { Pool, type PoolClient, type QueryConfig } from 'pg';
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
import type { PostgresLocation } from './postgres-url';
import { leavesConnectionGood, toDatabaseError } from './sql-state';

export interface PostgresOptions {
  readonly location: PostgresLocation;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  /** How long a query may take where its caller does not say; the server ends each after that. */
  readonly timeoutMs: number;
  /** How many may wait for a connection; 1,000 by default. */
  readonly maxWaiting?: number;
}

const idleTimeoutMs = 60_000;
const minConnectMs = 2000;

/** A PostgreSQL server, by `pg` and its pool. */
export class PostgresDatabase implements Database {
  readonly #options: PostgresOptions;
  readonly #where: string;
  readonly #pool: Pool;
  /** Ours, since a server that hangs takes no goodbye, and `pg` would wait for it. */
  readonly #sockets = new Set<Socket>();
  /** Connections that have not been used yet. */
  readonly #fresh = new WeakSet<PoolClient>();
  /** Ends the waiting for a connection; the pool leaves it be when it is ended itself. */
  readonly #waiting = new Set<(error: DatabaseError) => void>();
  #closed: Promise<void> | undefined;

  constructor(options: PostgresOptions) {
    const { location, applicationName, timeoutMs } = options;
    const { host, port, database, user, password, tls, poolSize } = location;
    const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    this.#options = options;
    this.#where = `the database '${database}' on ${address}`;
    this.#pool = new Pool({
      host,
      port,
      database,
      user,
      password,
      ssl: tls,
      max: poolSize,
      application_name: applicationName,
      // Past it nobody waits for the answer: what a caller gave up must not keep the server busy.
      statement_timeout: timeoutMs,
      // Not less for an impatient caller: the next one has it ready.
      connectionTimeoutMillis: Math.max(timeoutMs, minConnectMs),
      idleTimeoutMillis: idleTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      stream: () => this.#createSocket(),
    });
    this.#pool.on('connect', (client) => {
      this.#fresh.add(client);
      // Without a listener it would end the process. Whoever uses the connection is told by the query that fails.
      client.on('error', () => undefined);
    });
    // An idle connection broke. The pool has dropped it, and opens another for whoever asks next.
    this.#pool.on('error', () => undefined);
  }

  async query(
    { text, name }: Statement,
    values: readonly unknown[] = [],
    { timeoutMs }: QueryOptions = this.#options,
  ): Promise<readonly Row[]> {
    const endsAt = performance.now() + timeoutMs;
    const config = { text, values: [...values], ...(name === undefined ? {} : { name }) };
    for (;;) {
      const lease = await this.#lease(endsAt);
      try {
        return await lease.query(config);
      } catch (error: unknown) {
        // What was idle may have been cut off long ago, by a restart or a firewall, which says nothing of now.
        const isStale = !lease.isFresh && !lease.isExpired && !leavesConnectionGood(error);
        if (!isStale) throw this.#describe(error, lease);
      } finally {
        lease.end();
      }
    }
  }

  async transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    { timeoutMs, signal }: TransactionOptions,
  ): Promise<T> {
    const lease = await this.#lease(performance.now() + timeoutMs);
    const abort = () => {
      lease.cut();
    };
    signal.addEventListener('abort', abort);
    try {
      signal.throwIfAborted();
      const query = async (text: string, values: readonly unknown[] = []) => {
        try {
          return await lease.query({ text, values: [...values] });
        } catch (error: unknown) {
          throw this.#describe(error, lease);
        }
      };
      await query('BEGIN');
      const result = await work({
        query,
        execute: async (text) => {
          await query(text);
        },
      });
      await query('COMMIT');
      return result;
    } catch (error: unknown) {
      // Whatever has been done is undone by that.
      lease.cut();
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
      lease.end();
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const ended = this.#pool.end();
    for (const fail of this.#waiting) fail(this.#unavailable('it has been closed'));
    for (const socket of this.#sockets) socket.destroy();
    await ended;
  }

  /** A connection of the pool, before `endsAt`; waiting for one is bounded in number, too. */
  async #lease(endsAt: number): Promise<Lease> {
    const { maxWaiting = 1000 } = this.#options;
    const remainingMs = endsAt - performance.now();
    if (remainingMs <= 0) throw this.#timeout();
    if (this.#closed !== undefined) throw this.#unavailable('it has been closed');
    if (this.#pool.waitingCount >= maxWaiting) {
      throw this.#unavailable(`${maxWaiting} queries are waiting for a connection already`);
    }
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#waiting.delete(fail);
      };
      const fail = (error: DatabaseError) => {
        settle();
        reject(error);
      };
      const timer = setTimeout(() => {
        fail(this.#timeout());
      }, remainingMs);
      this.#waiting.add(fail);
      this.#pool.connect().then(
        (client) => {
          if (!this.#waiting.has(fail)) {
            client.release();
            return;
          }
          settle();
          resolve(new Lease(client, this.#fresh.delete(client), endsAt));
        },
        (cause: unknown) => {
          // Refused, unknown, not let in: whatever it is, it is not the request's fault.
          fail(this.#unavailable(reasonOf(cause), cause));
        },
      );
    });
  }

  #createSocket(): Socket {
    const socket = new Socket();
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }

  #describe(error: unknown, lease: Lease): DatabaseError {
    return lease.isExpired ? this.#timeout(error) : toDatabaseError(error, this.#where);
  }

  #timeout(cause?: unknown): DatabaseError {
    const message = `${this.#where} did not answer in time`;
    return new DatabaseError('database_timeout', message, { cause });
  }

  #unavailable(reason: string, cause?: unknown): DatabaseError {
    const message = `${this.#where} cannot be used now: ${reason}`;
    return new DatabaseError('database_unavailable', message, { cause });
  }
}

/** A connection for one user, until a moment: then it is cut, and whoever waits on it gets an error. */
class Lease {
  /** Whether nothing had been sent over it before. */
  readonly isFresh: boolean;
  readonly #client: PoolClient;
  readonly #timer: NodeJS.Timeout;
  #isExpired = false;
  #isOver = false;

  constructor(client: PoolClient, isFresh: boolean, endsAt: number) {
    this.#client = client;
    this.isFresh = isFresh;
    this.#timer = setTimeout(
      () => {
        this.#isExpired = true;
        this.cut();
      },
      Math.max(0, endsAt - performance.now()),
    );
  }

  get isExpired(): boolean {
    return this.#isExpired;
  }

  async query(config: QueryConfig): Promise<Row[]> {
    try {
      const { rows } = await this.#client.query<Row>(config);
      return rows;
    } catch (error: unknown) {
      if (!leavesConnectionGood(error)) this.cut();
      throw error;
    }
  }

  /** Closes the connection, also under a query. */
  cut(): void {
    this.#release(true);
  }

  /** Gives it back. */
  end(): void {
    this.#release(false);
  }

  #release(destroy: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#client.release(destroy);
  }
}
