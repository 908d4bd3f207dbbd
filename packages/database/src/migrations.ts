import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Database, Row, Transaction } from './database';
import { DatabaseError } from './database-error';
import { reasonOf } from './reason-of';

/** A step from one version of the tables to the next. */
export interface Migration {
  readonly version: number;
  /** The file's name. */
  readonly name: string;
  readonly sql: string;
}

export interface MigrateOptions {
  /** The PostgreSQL schema that holds the tables, and the record of what was done to them. */
  readonly schema: string;
  /** All there are, by version: 1, 2, … */
  readonly migrations: readonly Migration[];
  readonly signal: AbortSignal;
}

/** Whoever migrates anything in a database holds it: extensions belong to all schemas. */
const lockKey = 6_845_931;
/** A large table may take a while; nobody waits for it but other instances that start. */
const limitMs = 600_000;

/** The files `0001-what-it-does.sql`, `0002-…` of a folder, in order; throws if one is missing or is called otherwise. */
export function readMigrations(folder: string): Migration[] {
  const names = readdirSync(folder).sort();
  return names.map((name, index) => {
    const version = index + 1;
    if (!name.endsWith('.sql') || !name.startsWith(`${String(version).padStart(4, '0')}-`)) {
      throw new TypeError(`${folder}: '${name}' is not the migration ${version}`);
    }
    return { version, name, sql: readFileSync(path.join(folder, name), 'utf8') };
  });
}

/**
 * Brings the tables to the latest version. All steps are one transaction under one lock, so that of many instances
 * that start at once one does it while the others wait, and one that dies leaves no trace.
 *
 * Rejects with `schema_too_new`, `migration_failed`, or what the database said.
 */
export async function migrate(
  database: Database,
  { schema, migrations, signal }: MigrateOptions,
): Promise<void> {
  // In most starts there is nothing to do, for which it takes neither a lock nor the right to create anything.
  const run = (text: string) => database.query({ text });
  if (isLatest(await versionOf(schema, run), schema, migrations)) return;
  await database.transaction(
    async (transaction) => {
      // Waiting is limited by the connection's own statement_timeout: whoever gives up here tries again.
      await transaction.execute(`
        SELECT pg_advisory_xact_lock(${lockKey});
        SET LOCAL statement_timeout = ${limitMs};
        -- A machine that is gone without a word must not hold the lock for hours.
        SET LOCAL idle_in_transaction_session_timeout = 60000;`);
      const version = await versionOf(schema, (text) => transaction.query(text));
      if (isLatest(version, schema, migrations)) return;
      if (version === 0) await createRecord(transaction, schema);
      for (const migration of migrations.slice(version)) {
        await apply(transaction, schema, migration);
      }
    },
    { timeoutMs: limitMs, signal },
  );
}

function isLatest(version: number, schema: string, migrations: readonly Migration[]): boolean {
  if (version <= migrations.length) return version === migrations.length;
  throw new DatabaseError(
    'schema_too_new',
    `the schema '${schema}' is at version ${version}, and this program knows ${migrations.length}: ` +
      'run the newer program that changed it, or restore the backup from before',
  );
}

async function versionOf(
  schema: string,
  run: (text: string) => Promise<readonly Row[]>,
): Promise<number> {
  // Not to_regclass, which may still say what was so before we waited for the lock.
  const known = await run(
    `SELECT 1 FROM pg_catalog.pg_tables
     WHERE schemaname = '${schema}' AND tablename = 'schema_migrations'`,
  );
  if (known.length === 0) return 0;
  const [row] = await run(
    `SELECT coalesce(max(version), 0) AS version FROM ${schema}.schema_migrations`,
  );
  return Number(row?.['version']);
}

async function createRecord(transaction: Transaction, schema: string): Promise<void> {
  await transaction.execute(`
    CREATE SCHEMA IF NOT EXISTS ${schema};
    CREATE TABLE IF NOT EXISTS ${schema}.schema_migrations (
      version integer PRIMARY KEY,
      name text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    );`);
}

async function apply(
  transaction: Transaction,
  schema: string,
  { version, name, sql }: Migration,
): Promise<void> {
  try {
    await transaction.execute(sql);
    await transaction.query(
      `INSERT INTO ${schema}.schema_migrations (version, name) VALUES ($1, $2)`,
      [version, name],
    );
  } catch (cause: unknown) {
    const isOurs = cause instanceof DatabaseError;
    if (isOurs && cause.isPassing) throw cause;
    const message = `the migration ${name} of the schema '${schema}' failed: ${reasonOf(cause)}`;
    throw new DatabaseError('migration_failed', message, { cause });
  }
}
