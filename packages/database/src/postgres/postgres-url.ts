import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { checkServerIdentity, type ConnectionOptions } from 'node:tls';
import { invalidDatabaseUrl } from '../invalid-database-url';
import { reasonOf } from '../reason-of';

/** Where a PostgreSQL is, and how it is to be connected to. */
export interface PostgresLocation {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** Asked for each connection whose server wants one; rejects if there is none. */
  readonly password: () => Promise<string>;
  readonly tls: ConnectionOptions | false;
  /** The most connections at a time. */
  readonly poolSize: number;
}

const form = 'postgres://user[:password]@host[:port]/database';
const sslModes = ['disable', 'require', 'verify-ca', 'verify-full'];
const sslFiles = ['sslrootcert', 'sslcert', 'sslkey'] as const;
const known = ['password-file', 'sslmode', ...sslFiles, 'pool-size'];

/**
 * Reads `postgres://user[:password]@host[:port]/database?password-file=&sslmode=&sslrootcert=&sslcert=&sslkey=&pool-size=`
 * strictly. Throws `invalid_database_url`, with no part of the URL that could be a secret.
 */
export function parsePostgresUrl(text: string): PostgresLocation {
  const url = URL.parse(text);
  const isPostgres = url?.protocol === 'postgres:' || url?.protocol === 'postgresql:';
  if (url === null || !isPostgres || url.hostname === '')
    throw invalidDatabaseUrl(`expected ${form}`);
  if (url.hash !== '')
    throw invalidDatabaseUrl(`'#' is no part of it: in a password it is written %23`);
  const user = decoded(url.username, 'user');
  const database = decoded(url.pathname.slice(1), 'database');
  if (user === '') throw invalidDatabaseUrl(`there is no user: ${form}`);
  if (database === '' || database.includes('/'))
    throw invalidDatabaseUrl(`there is no database: ${form}`);
  const parameter = parametersOf(url);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    host,
    port: url.port === '' ? 5432 : Number(url.port),
    database,
    user,
    password: passwordOf(url, parameter('password-file')),
    tls: tlsOf(host, parameter),
    poolSize: poolSizeOf(parameter('pool-size') ?? '5'),
  };
}

type Parameter = (name: string) => string | undefined;

function parametersOf({ searchParams }: URL): Parameter {
  for (const name of searchParams.keys()) {
    if (!known.includes(name)) {
      throw invalidDatabaseUrl(
        `the parameter '${name}' is not known; known are ${known.join(', ')}`,
      );
    }
    if (searchParams.getAll(name).length > 1) throw invalidDatabaseUrl(`'${name}' is given twice`);
    if (searchParams.get(name) === '') throw invalidDatabaseUrl(`'${name}' has no value`);
  }
  return (name) => searchParams.get(name) ?? undefined;
}

/** A mounted Secret is replaced while we run, so the file is read anew for each connection. */
function passwordOf(url: URL, file: string | undefined): PostgresLocation['password'] {
  const inUrl = url.password === '' ? undefined : decoded(url.password, 'password');
  if (file === undefined) {
    return async () => {
      if (inUrl !== undefined) return inUrl;
      throw new Error(
        'it wants a password, and the database URL has neither that nor password-file=',
      );
    };
  }
  if (inUrl !== undefined)
    throw invalidDatabaseUrl(`it holds a password, and 'password-file' names another`);
  readNow('password-file', file);
  return async () => (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
}

/**
 * As libpq has it, but for `prefer` and `allow`: whoever stands between can turn them into no TLS at all.
 * https://www.postgresql.org/docs/current/libpq-ssl.html
 */
function tlsOf(host: string, parameter: Parameter): PostgresLocation['tls'] {
  const mode = parameter('sslmode') ?? 'disable';
  if (!sslModes.includes(mode)) {
    throw invalidDatabaseUrl(`'sslmode' is one of ${sslModes.join(', ')}, and not '${mode}'`);
  }
  const given = sslFiles.filter((name) => parameter(name) !== undefined);
  if (mode === 'disable') {
    if (given.length === 0) return false;
    throw invalidDatabaseUrl(
      `'${given.join(`', '`)}' is of no use without sslmode=verify-full or the like`,
    );
  }
  const read = (name: string) => {
    const file = parameter(name);
    // The word for the authorities that the system knows, as libpq has it.
    return file === undefined || file === 'system' ? undefined : readNow(name, file);
  };
  const [ca, cert, key] = sslFiles.map(read);
  if ((cert === undefined) !== (key === undefined)) {
    throw invalidDatabaseUrl(`'sslcert' and 'sslkey' go together`);
  }
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert, key }),
    // With an authority at hand `require` asks for it, too.
    rejectUnauthorized: mode !== 'require' || parameter('sslrootcert') !== undefined,
    checkServerIdentity: (_name, certificate) =>
      mode === 'verify-full' ? checkServerIdentity(host, certificate) : undefined,
  };
}

function poolSizeOf(text: string): number {
  const size = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (size < 1)
    throw invalidDatabaseUrl(`'pool-size' is a number from 1 to 999, and not '${text}'`);
  return size;
}

function readNow(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause: unknown) {
    throw invalidDatabaseUrl(
      `cannot read the file of '${name}', ${file}: ${reasonOf(cause)}`,
      cause,
    );
  }
}

function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause: unknown) {
    throw invalidDatabaseUrl(`its ${what} is not percent-encoded: a '%' is written %25`, cause);
  }
}
