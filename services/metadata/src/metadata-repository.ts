import type { Metadata } from '@movies/api';

/** PORT: where metadata is kept. */
export interface MetadataRepository {
  /** What is known of a movie; `undefined` if it is not known. */
  get(id: string): Promise<Metadata | undefined>;
  /** Adds a movie, or replaces what was known of it. */
  put(metadata: Metadata): Promise<void>;
}
