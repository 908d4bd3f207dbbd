import type { Metadata } from '@movies/api';
import type { MetadataRepository, TitlePosition, TitleSearch } from './metadata-repository';
import { titleKey } from './title-key';

/** In this process, until it ends; two instances share nothing. */
export class MemoryMetadataRepository implements MetadataRepository {
  readonly #byId: Map<string, Metadata>;

  constructor(movies: readonly Metadata[] = []) {
    this.#byId = new Map(movies.map((movie) => [movie.id, movie]));
  }

  async get(id: string): Promise<Metadata | undefined> {
    return this.#byId.get(id);
  }

  async getMany(ids: readonly string[]): Promise<Metadata[]> {
    return [...new Set(ids)].flatMap((id) => this.#byId.get(id) ?? []);
  }

  async search({ text, limit, after }: TitleSearch): Promise<Metadata[]> {
    const key = titleKey(text);
    return [...this.#byId.values()]
      .map((movie) => ({ movie, titleKey: titleKey(movie.title), id: movie.id }))
      .filter((each) => each.titleKey.includes(key))
      .filter((each) => after === undefined || compare(each, after) > 0)
      .sort(compare)
      .slice(0, limit)
      .map(({ movie }) => movie);
  }

  async put(metadata: Metadata): Promise<void> {
    this.#byId.set(metadata.id, metadata);
  }
}

function compare(a: TitlePosition, b: TitlePosition): number {
  return byCodePoint(a.titleKey, b.titleKey) || byCodePoint(a.id, b.id);
}

/** UTF-8 keeps the order of code points; JavaScript's own order is by UTF-16 unit, which does not. */
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
