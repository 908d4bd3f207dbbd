/** How long a caller waits. */
export interface QueryOptions {
  /** In milliseconds; with nothing left the query is not sent. */
  readonly timeoutMs: number;
}

/** One SQL statement with `$1`, `$2`, … for its values. */
export interface Statement {
  readonly text: string;
  /**
   * Under this name each connection keeps it parsed, and in time planned without its values. Absent where a good
   * plan depends on them.
   */
  readonly name?: string;
}

/** A row, by column. */
export type Row = Readonly<Record<string, unknown>>;

/** What repositories ask. */
export interface Queryable {
  /**
   * Runs a statement in a transaction of its own, in one round trip. What is written is on disk when this resolves.
   *
   * It may be sent twice, when a connection turns out to be lost: only a statement that can be repeated is to be
   * sent this way, as every read is, and an upsert.
   *
   * Rejects with a `DatabaseError`: `database_unavailable` or `database_timeout` while the database cannot be had.
   * @param options without them it waits as long as a request may take
   */
  query(
    statement: Statement,
    values?: readonly unknown[],
    options?: QueryOptions,
  ): Promise<readonly Row[]>;
}

/** PORT: a PostgreSQL, wherever it runs. Opening one connects to nothing; the first query does. */
export interface Database extends Queryable {
  /** Runs `work` in one transaction on one connection: all of it counts, or nothing does. Never sent twice. */
  transaction<T>(
    work: (transaction: Transaction) => Promise<T>,
    options: TransactionOptions,
  ): Promise<T>;
  /** Ends what is under way, and every connection. Twice is fine. */
  close(): Promise<void>;
}

export interface TransactionOptions extends QueryOptions {
  /** Ends it: the connection is cut, and what was done is undone. */
  readonly signal: AbortSignal;
}

/** What can be done within a transaction. */
export interface Transaction {
  query(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** Several statements, separated by semicolons, without values. */
  execute(text: string): Promise<void>;
}
