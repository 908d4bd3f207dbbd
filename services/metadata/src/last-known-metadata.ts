import type { Metadata } from '@movies/api';
import { DatabaseError, type QueryOptions } from '@movies/database';
import { LRUCache } from 'lru-cache';
import type { MetadataRepository, TitleSearch } from './metadata-repository';

/** A film takes about 500 characters, so that these are some ten thousand. */
const maxCharacters = 5_000_000;

/**
 * A repository that, while the database cannot be had, goes on serving what it has served before. Only then: an
 * answer of the database, were it that there is no such film, always counts.
 */
export class LastKnownMetadata implements MetadataRepository {
  readonly #repository: MetadataRepository;
  readonly #known = new LRUCache<string, Metadata>({
    maxSize: maxCharacters,
    sizeCalculation: ({ id, title, description, director }) =>
      id.length + title.length + description.length + director.length,
  });

  constructor(repository: MetadataRepository) {
    this.#repository = repository;
  }

  async get(id: string, options?: QueryOptions): Promise<Metadata | undefined> {
    const [metadata] = await this.#orLastKnown([id], options, async (within) => {
      const found = await this.#repository.get(id, within);
      return found === undefined ? [] : [found];
    });
    return metadata;
  }

  async getMany(ids: readonly string[], options?: QueryOptions): Promise<Metadata[]> {
    return this.#orLastKnown([...new Set(ids)], options, (within) =>
      this.#repository.getMany(ids, within),
    );
  }

  async search(search: TitleSearch, options?: QueryOptions): Promise<Metadata[]> {
    const found = await this.#repository.search(search, options);
    for (const metadata of found) this.#known.set(metadata.id, metadata);
    return found;
  }

  async put(metadata: Metadata, options?: QueryOptions): Promise<void> {
    await this.#repository.put(metadata, options);
    this.#known.set(metadata.id, metadata);
  }

  async #orLastKnown(
    ids: readonly string[],
    options: QueryOptions | undefined,
    ask: (options: QueryOptions | undefined) => Promise<Metadata[]>,
  ): Promise<Metadata[]> {
    const lastKnown = ids.flatMap((id) => this.#known.peek(id) ?? []);
    // A list without those that are not known here would say that they do not exist.
    const isWhole = lastKnown.length === ids.length;
    try {
      const found = await ask(isWhole ? halved(options) : options);
      for (const id of ids) this.#known.delete(id);
      for (const metadata of found) this.#known.set(metadata.id, metadata);
      return found;
    } catch (error: unknown) {
      if (isWhole && error instanceof DatabaseError && error.isPassing) return lastKnown;
      throw error;
    }
  }
}

/** With a film to fall back on, the database gets half of the time, and the answer is sent in the other half. */
function halved(options: QueryOptions | undefined): QueryOptions | undefined {
  return options && { timeoutMs: options.timeoutMs / 2 };
}
