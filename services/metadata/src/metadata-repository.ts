import type { Metadata } from '@movies/api';
import type { QueryOptions } from '@movies/database';

/** A place in the order of titles. */
export interface TitlePosition {
  readonly titleKey: string;
  readonly id: string;
}

/** What is looked for. */
export interface TitleSearch {
  /** Part of a title, in any case and form; '' is part of all. */
  readonly text: string;
  /** At most so many. */
  readonly limit: number;
  /** Those behind it only. */
  readonly after?: TitlePosition;
}

/** PORT: where metadata is kept. Rejects with `DatabaseError` if that cannot be had. */
export interface MetadataRepository {
  /** What is known of a movie; `undefined` if it is not known. */
  get(id: string, options?: QueryOptions): Promise<Metadata | undefined>;
  /** Those that are known, in the order asked for, each once. */
  getMany(ids: readonly string[], options?: QueryOptions): Promise<Metadata[]>;
  /** Movies whose title key contains that of the text, by title key and id, in the order of code points. */
  search(search: TitleSearch, options?: QueryOptions): Promise<Metadata[]>;
  /** Adds a movie, or replaces what was known of it; durable once this resolves. */
  put(metadata: Metadata, options?: QueryOptions): Promise<void>;
}
