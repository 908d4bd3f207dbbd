import path from 'node:path';
import type { Database } from './database';
import { PgliteDatabase } from './pglite/pglite-database';
import { PostgresDatabase } from './postgres/postgres-database';
import { invalidDatabaseUrl } from './invalid-database-url';
import { parsePostgresUrl } from './postgres/postgres-url';

/** What a database URL names, before anything is opened. */
export interface DatabaseSource {
  /**
   * Opens it for a service; connects to nothing yet. Throws `folder_in_use` if it is a folder that another process
   * has, and `database_unavailable` if that cannot be written to.
   */
  open(options: OpenOptions): Database;
}

export interface OpenOptions {
  /** The service's name: of its subfolder, and of its connections. */
  readonly service: string;
  /** How long a query may take, in milliseconds, where its caller does not say. */
  readonly timeoutMs: number;
}

/**
 * Reads a database URL; the one place that knows every adapter. `undefined` for `memory:`, which is no database:
 * each service keeps its state in itself. Throws `invalid_database_url`, naming what is wrong, and no secret.
 */
export function databaseFromUrl(text: string): DatabaseSource | undefined {
  const scheme = /^[a-z]+:/.exec(text)?.[0] ?? '';
  switch (scheme) {
    case 'memory:':
      if (text !== 'memory:') throw invalidDatabaseUrl(`'memory:' takes nothing after it`);
      return undefined;
    case 'file:':
      return openFolder(text.slice('file:'.length));
    case 'postgres:':
    case 'postgresql:':
      return openServer(text);
    default:
      throw invalidDatabaseUrl('it begins with none of memory:, file:, postgres:');
  }
}

/** `file:./folder`, as seen from where the process was started, or `file:///folder`. */
function openFolder(written: string): DatabaseSource {
  const folder = written.replace(/^\/\/(?=\/)/, '');
  if (folder === '' || folder.startsWith('//') || /[?#]/.test(folder)) {
    throw invalidDatabaseUrl('expected file:./folder');
  }
  try {
    require.resolve('@electric-sql/pglite');
  } catch (cause: unknown) {
    throw invalidDatabaseUrl(
      `file: is PostgreSQL in the process by @electric-sql/pglite, which is not installed, as in an image: ` +
        'give postgres://user@host/database',
      cause,
    );
  }
  return {
    open: ({ service, timeoutMs }) =>
      new PgliteDatabase({ folder: path.resolve(folder, service), timeoutMs }),
  };
}

function openServer(text: string): DatabaseSource {
  const location = parsePostgresUrl(text);
  return {
    open: ({ service, timeoutMs }) =>
      new PostgresDatabase({ location, applicationName: service, timeoutMs }),
  };
}
