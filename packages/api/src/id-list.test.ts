import * as fc from 'fast-check';
import { byIdsQuery, pathsByIds } from './id-list';

const parse = (ids: string) => byIdsQuery.parse({ ids }).ids;

function faultsOf(query: object): [string, string][] {
  const { error } = byIdsQuery.safeParse(query);
  return (error?.issues ?? []).map(({ path, message }) => [path.join(), message]);
}

/** What a server reads out of a path's query. */
const idsIn = (path: string) =>
  parse(new URL(path, 'http://localhost').searchParams.get('ids') ?? '');

it('splits at commas, and names each id once', () => {
  expect(parse('1,2,3')).toEqual(['1', '2', '3']);
  expect(parse('2,1,2')).toEqual(['2', '1']);
  expect(parse('a%2Cb,50%25')).toEqual(['a,b', '50%']);
});

it('takes 1 to 100 ids', () => {
  const ids = Array.from({ length: 100 }, (_, i) => String(i));
  expect(parse(ids.join())).toEqual(ids);
  expect(faultsOf({ ids: [...ids, 'x'].join() })).toEqual([
    ['ids', 'must be at most 100 ids, and are 101'],
  ]);
});

it.each([
  [undefined, 'is missing'],
  ['', 'must not be empty'],
  [['1', '2'], 'must be given once, as text'],
])('refuses %p', (ids, message) => {
  expect(faultsOf({ ids })).toEqual([['ids', message]]);
});

it('names every fault, and how an id with a percent sign is written', () => {
  expect(faultsOf({ id: '1', ids: `1,,50%,${'x'.repeat(257)}` })).toEqual([
    ['id', 'must not be given together with ids'],
    ['ids', 'item 2 must not be empty'],
    ['ids', 'item 3 is not percent-encoded: write a % inside an id as %25, a comma as %2C'],
    ['ids', 'item 4 must be at most 256 characters'],
  ]);
});

it('asks for up to 100 short ids by one path', () => {
  const ids = Array.from({ length: 200 }, (_, i) => String(i));
  expect(pathsByIds('/x?ids=', ids.slice(0, 3))).toEqual(['/x?ids=0,1,2']);
  expect(pathsByIds('/x?ids=', ids).map((path) => idsIn(path).length)).toEqual([100, 100]);
  expect(pathsByIds('/x?ids=', [])).toEqual([]);
});

it('asks for any ids so that they come back whole, by paths of 8 KiB at most', () => {
  // A limit counts UTF-16 units, and an id ends on a whole character.
  const id = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 256 })
    .map((text) => text.slice(0, 256).replace(/[\ud800-\udbff]$/, ''));
  fc.assert(
    fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 250 }), (ids) => {
      const paths = pathsByIds('/ratings?type=movie&ids=', ids);
      expect(paths.flatMap(idsIn)).toEqual(ids);
      expect(Math.max(...paths.map(({ length }) => length))).toBeLessThanOrEqual(8192);
    }),
  );
});
