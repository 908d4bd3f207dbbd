import * as fc from 'fast-check';
import { formatCursor, searchPath, searchQuery } from './title-search';

const position = { titleKey: 'amelie', id: '7' };

function faultsOf(query: object): [string, string][] {
  const { error } = searchQuery.safeParse(query);
  return (error?.issues ?? []).map(({ path, message }) => [path.join(), message]);
}

it('is all films, 20 a page, unless told otherwise', () => {
  expect(searchQuery.parse({})).toEqual({ q: '', limit: 20 });
  expect(searchQuery.parse({ q: 'ame', limit: '100', cursor: formatCursor(position) })).toEqual({
    q: 'ame',
    limit: 100,
    cursor: position,
  });
});

it.each(['0', '101', '-1', '1.5', '1e1', ' 1', '', 'all', '0x1', ['1', '2']])(
  'refuses the limit %p',
  (limit) => {
    expect(faultsOf({ limit }).map(([name]) => name)).toEqual(['limit']);
  },
);

it.each([
  '',
  'x',
  'bm90IEpTT04',
  Buffer.from('["a"]').toString('base64url'),
  Buffer.from('["a",""]').toString('base64url'),
  Buffer.from('{}').toString('base64url'),
  `${formatCursor(position)}=`,
  formatCursor(position).slice(1),
])('refuses the cursor %p', (cursor) => {
  expect(faultsOf({ cursor })).toEqual([
    ['cursor', 'is none that was given as nextCursor: leave it out to begin anew'],
  ]);
});

it('names every fault at once', () => {
  const query = { q: 'x'.repeat(501), limit: 'all', cursor: 'x' };
  expect(faultsOf(query).map(([name]) => name)).toEqual(['q', 'limit', 'cursor']);
});

it('writes any search into a path so that it comes back whole', () => {
  const text = (minLength: number) => fc.string({ unit: 'grapheme', minLength, maxLength: 50 });
  const query = fc.record(
    {
      q: text(0),
      limit: fc.integer({ min: 1, max: 100 }),
      cursor: fc.record({ titleKey: text(0), id: text(1) }),
    },
    { requiredKeys: ['q', 'limit'] },
  );
  fc.assert(
    fc.property(query, (search) => {
      const url = new URL(searchPath(search), 'http://localhost');
      expect(url.pathname).toBe('/metadata/search');
      expect(searchQuery.parse(Object.fromEntries(url.searchParams))).toEqual(search);
    }),
  );
});

it.each(['語', '\u0001'])('pages behind the longest title and id, of %j', (character) => {
  const longest = { titleKey: character.repeat(500), id: character.repeat(256) };
  expect(searchQuery.parse({ cursor: formatCursor(longest) }).cursor).toEqual(longest);
});
