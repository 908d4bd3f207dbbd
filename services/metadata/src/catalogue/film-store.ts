import type { Metadata } from '@movies/api';

/** PORT: where an import puts films. Everything rejects with `CatalogueError`, or the signal's reason. */
export interface FilmStore {
  /** Those of at most 100 films that are there, by id. */
  known(ids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Metadata>>;
  /** Adds a film, or replaces it. Resolves to why it was refused; `undefined` if it is there now. */
  put(film: Metadata, signal: AbortSignal): Promise<string | undefined>;
}
