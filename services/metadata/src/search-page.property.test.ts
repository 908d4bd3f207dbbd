import * as fc from 'fast-check';
import { searchQuery, type Metadata } from '@movies/api';
import { MemoryMetadataRepository } from './memory-metadata-repository';
import { searchPage } from './search-page';
import { titleKey } from './title-key';

const film = (id: string, title: string): Metadata => ({
  id,
  title,
  description: '-',
  director: '-',
});

// Few letters, so that titles are often equal or contain one another, one of them beyond U+FFFF.
const title = fc.array(fc.constantFrom('a', 'A', 'á', 'b', ' ', '🎬', '\uff5e'), {
  minLength: 1,
  maxLength: 3,
});
const films = fc
  .array(title, { maxLength: 40 })
  .map((titles) => titles.map((letters, i) => film(`there-${i}`, letters.join(''))));
/** What others do between two pages: each adds a film, or renames one that was added. */
const changes = fc.array(
  fc.array(fc.record({ id: fc.constantFrom('x', 'y', 'z'), letters: title }), { maxLength: 3 }),
  { maxLength: 50 },
);

it('shows every film that is there all along exactly once, whatever others do meanwhile', async () => {
  await fc.assert(
    fc.asyncProperty(
      films,
      changes,
      fc.integer({ min: 1, max: 45 }),
      fc.constantFrom('', 'a', '🎬', 'ab'),
      async (there, between, limit, q) => {
        const repository = new MemoryMetadataRepository(there);
        const seen: string[] = [];
        let cursor: string | null | undefined;
        for (let page = 0; cursor !== null; page += 1) {
          const query = searchQuery.parse({ q, limit: String(limit), cursor });
          const { items, nextCursor } = await searchPage(query, repository);
          expect(items.length).toBeLessThanOrEqual(limit);
          // Or it walks for ever.
          expect(page).toBeLessThan(100);
          seen.push(...items.map(({ id }) => id));
          cursor = nextCursor;
          for (const { id, letters } of between[page] ?? []) {
            await repository.put(film(id, letters.join('')));
          }
        }
        const expected = there.filter((one) => titleKey(one.title).includes(q)).map(({ id }) => id);
        expect(seen.filter((id) => id.startsWith('there')).sort()).toEqual(expected.sort());
      },
    ),
    { numRuns: 500 },
  );
});
