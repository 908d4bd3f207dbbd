import type { Metadata } from '@movies/api';
import type { MetadataRepository } from './metadata-repository';

/** In this process, until it ends; two instances share nothing. */
export class MemoryMetadataRepository implements MetadataRepository {
  readonly #byId: Map<string, Metadata>;

  constructor(movies: readonly Metadata[] = []) {
    this.#byId = new Map(movies.map((movie) => [movie.id, movie]));
  }

  async get(id: string): Promise<Metadata | undefined> {
    return this.#byId.get(id);
  }

  async put(metadata: Metadata): Promise<void> {
    this.#byId.set(metadata.id, metadata);
  }
}
