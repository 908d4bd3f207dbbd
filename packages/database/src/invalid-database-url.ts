import { DatabaseError } from './database-error';

/** The error of a URL that cannot be used. No part of the URL is in it: any could be a password in the wrong place. */
export function invalidDatabaseUrl(reason: string, cause?: unknown): DatabaseError {
  const message = `the database URL cannot be used: ${reason}`;
  return new DatabaseError('invalid_database_url', message, { cause });
}
