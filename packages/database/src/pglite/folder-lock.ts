import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DatabaseError } from '../database-error';
import { reasonOf } from '../reason-of';

/** SQLite's code for a file that another has locked. */
const busy = 5;

/**
 * Keeps a folder to one process: a lock of the operating system on `<folder>.lock`, by SQLite, since Node has no call
 * for it. It goes with its process, however that ends, so there is never a stale one.
 */
export class FolderLock {
  readonly #file: DatabaseSync;

  private constructor(file: DatabaseSync) {
    this.#file = file;
  }

  /** Throws `folder_in_use`, or `database_unavailable` if the folder cannot be written to. */
  static take(folder: string): FolderLock {
    let file: DatabaseSync | undefined;
    try {
      mkdirSync(path.dirname(folder), { recursive: true });
      file = new DatabaseSync(`${folder}.lock`, { timeout: 0 });
      file.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
      return new FolderLock(file);
    } catch (cause: unknown) {
      file?.close();
      if ((cause as { readonly errcode?: unknown }).errcode === busy) {
        throw new DatabaseError(
          'folder_in_use',
          `the database in ${folder} is in use by another process: stop that one, or give another folder`,
          { cause },
        );
      }
      const message = `the folder ${folder} cannot be used: ${reasonOf(cause)}`;
      throw new DatabaseError('database_unavailable', message, { cause });
    }
  }

  /** Twice is fine. */
  release(): void {
    if (this.#file.isOpen) this.#file.close();
  }
}
