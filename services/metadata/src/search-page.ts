import { formatCursor, type List, type Metadata, type SearchQuery } from '@movies/api';
import type { QueryOptions } from '@movies/database';
import type { MetadataRepository } from './metadata-repository';
import { titleKey } from './title-key';

/** One page of the films that a search finds; the cursor leads behind the last of them. */
export async function searchPage(
  { q, limit, cursor }: SearchQuery,
  repository: MetadataRepository,
  options?: QueryOptions,
): Promise<List<Metadata>> {
  // One more than is shown: whether there is a next page is known without asking for it.
  const found = await repository.search(
    { text: q, limit: limit + 1, ...(cursor === undefined ? {} : { after: cursor }) },
    options,
  );
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const nextCursor =
    found.length > limit && last !== undefined
      ? formatCursor({ titleKey: titleKey(last.title), id: last.id })
      : null;
  return { items, nextCursor };
}
