/** Why a database could not do what it was asked; decide by this, never by the message. */
export type DatabaseErrorCode =
  /** Not now: it cannot be reached, refuses us, goes down, comes up, or too many wait for it. */
  | 'database_unavailable'
  /** It did not answer in time; what was sent may still be done. */
  | 'database_timeout'
  /** It understood, and refused: a fault of ours. */
  | 'query_failed'
  | 'migration_failed'
  /** A newer version of the service has changed the tables. */
  | 'schema_too_new'
  /** Another process has the folder of an embedded database. */
  | 'folder_in_use'
  | 'invalid_database_url';

/**
 * The one error class of this package. `cause` holds what the database or the network said. The message names the
 * database, and never a password.
 */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  readonly code: DatabaseErrorCode;

  constructor(code: DatabaseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Whether it will pass by itself: nothing is wrong with what was asked, nor with who asked. */
  get isPassing(): boolean {
    return this.code === 'database_unavailable' || this.code === 'database_timeout';
  }
}
