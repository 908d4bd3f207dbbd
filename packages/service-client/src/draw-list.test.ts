import { DrawList } from './draw-list';

function listOf(...items: string[]): DrawList<string> {
  const list = new DrawList<string>();
  for (const item of items) list.add(item);
  return list;
}

test('an item stands in it once, however often it is added', () => {
  expect(listOf('a', 'b', 'a').items).toEqual(['a', 'b']);
});

test('any may leave, and the others stay', () => {
  for (const gone of ['a', 'b', 'c']) {
    const list = listOf('a', 'b', 'c');
    list.delete(gone);
    expect([...list.items].sort()).toEqual(['a', 'b', 'c'].filter((item) => item !== gone));
  }
});

test('one that moved into a gap can leave as well', () => {
  const list = listOf('a', 'b', 'c');
  list.delete('a');
  list.delete('c');
  list.add('a');
  expect([...list.items].sort()).toEqual(['a', 'b']);
});

test('one that is not in it changes nothing', () => {
  const list = listOf('a');
  list.delete('b');
  expect(list.items).toEqual(['a']);
});
