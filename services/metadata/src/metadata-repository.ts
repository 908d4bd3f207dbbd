import type { Metadata, TitlePosition } from '@movies/api';
import type { QueryOptions } from '@movies/database';

/** What is looked for. */
export interface TitleSearch {
  /** Part of a title, in any case and form; '' is part of all. */
  readonly text: string;
  /** At most so many. */
  readonly limit: number;
  /** Only what comes behind it; a film that is gone leaves a position all the same. */
  readonly after?: TitlePosition;
}

/** PORT: where metadata is kept. Rejects with `DatabaseError` if that cannot be had. */
export interface MetadataRepository {
  /** What is known of a movie; `undefined` if it is not known. */
  get(id: string, options?: QueryOptions): Promise<Metadata | undefined>;
  /** Those movies that are known, in the order asked for, each once. */
  getMany(ids: readonly string[], options?: QueryOptions): Promise<Metadata[]>;
  /**
   * The first films, by title key and then by id, each by code point, whose title contains the text, both as
   * `titleKey` has them.
   */
  search(search: TitleSearch, options?: QueryOptions): Promise<Metadata[]>;
  /** Adds a movie, or replaces what was known of it; durable once this resolves. */
  put(metadata: Metadata, options?: QueryOptions): Promise<void>;
}
