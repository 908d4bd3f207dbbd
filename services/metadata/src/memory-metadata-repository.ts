import type { Metadata, TitlePosition } from '@movies/api';
import type { MetadataRepository, TitleSearch } from './metadata-repository';
import { TitleOrder } from './title-order';
import { titleKey } from './title-key';

/** In this process, until it ends; two instances share nothing. */
export class MemoryMetadataRepository implements MetadataRepository {
  readonly #byId: Map<string, Metadata>;
  readonly #order: TitleOrder;

  constructor(movies: readonly Metadata[] = []) {
    this.#byId = new Map(movies.map((movie) => [movie.id, movie]));
    this.#order = new TitleOrder([...this.#byId.values()].map(positionOf));
  }

  async get(id: string): Promise<Metadata | undefined> {
    return this.#byId.get(id);
  }

  async getMany(ids: readonly string[]): Promise<Metadata[]> {
    return [...new Set(ids)].flatMap((id) => this.#byId.get(id) ?? []);
  }

  async search({ text, limit, after }: TitleSearch): Promise<Metadata[]> {
    const wanted = titleKey(text);
    const found: Metadata[] = [];
    if (limit < 1) return found;
    for (const { titleKey: key, id } of this.#order.behind(after)) {
      const metadata = key.includes(wanted) ? this.#byId.get(id) : undefined;
      if (metadata === undefined) continue;
      found.push(metadata);
      if (found.length === limit) break;
    }
    return found;
  }

  async put(metadata: Metadata): Promise<void> {
    const before = this.#byId.get(metadata.id);
    this.#byId.set(metadata.id, metadata);
    if (before?.title === metadata.title) return;
    if (before !== undefined) this.#order.remove(positionOf(before));
    this.#order.add(positionOf(metadata));
  }
}

function positionOf({ id, title }: Metadata): TitlePosition {
  return { titleKey: titleKey(title), id };
}
