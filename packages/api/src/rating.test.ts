import { ratingPath, voteQuery } from './rating';

const vote = { id: '1', type: 'movie', userId: 'ann', value: '5' };

describe('a vote', () => {
  it.each(['1', '2', '3', '4', '5'])('may be %s', (value) => {
    expect(voteQuery.parse({ ...vote, value }).value).toBe(Number(value));
  });

  it.each(['0', '6', '4.5', '4.0', ' 4', '4e0', '+4', 'abc', '', '55', ['4', '5'], undefined])(
    'may not be %p',
    (value) => {
      const { error } = voteQuery.safeParse({ ...vote, value });
      expect(error?.issues.map(({ path }) => path.join())).toEqual(['value']);
    },
  );

  it.each(['id', 'type', 'userId'])('needs one %s that is not empty', (name) => {
    for (const value of [undefined, '', ['a', 'b'], 'x'.repeat(257)]) {
      const { error } = voteQuery.safeParse({ ...vote, [name]: value });
      expect(error?.issues.map(({ path }) => path.join())).toEqual([name]);
    }
  });

  it('is for a known type of record only', () => {
    const { error } = voteQuery.safeParse({ ...vote, type: 'book' });
    expect(error?.issues[0]?.message).toBe('must be one of: movie');
  });

  it('names every fault at once', () => {
    const { error } = voteQuery.safeParse({});
    expect(error?.issues.map(({ path, message }) => [path.join(), message])).toEqual([
      ['id', 'is missing'],
      ['type', 'is missing'],
      ['userId', 'is missing'],
      ['value', 'is missing'],
    ]);
  });
});

it('writes an id into a path so that it comes back whole', () => {
  const id = 'a&b=c#d/ü?';
  const url = new URL(ratingPath('movie', id), 'http://localhost');
  expect(Object.fromEntries(url.searchParams)).toEqual({ type: 'movie', id });
});
