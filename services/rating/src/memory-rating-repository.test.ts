import { MemoryRatingRepository } from './memory-rating-repository';

const record = { type: 'movie', id: '1' };

it('has no mean where nobody has voted', async () => {
  expect(await new MemoryRatingRepository().mean(record)).toBeUndefined();
});

it('gives the mean of all votes', async () => {
  const repository = new MemoryRatingRepository();
  await repository.vote(record, 'ann', 5);
  await repository.vote(record, 'bob', 4);
  expect(await repository.mean(record)).toBe(4.5);
});

it("replaces a user's vote", async () => {
  const repository = new MemoryRatingRepository();
  for (const value of [5, 1, 2]) await repository.vote(record, 'ann', value);
  expect(await repository.mean(record)).toBe(2);
});

it('keeps records of the same id but another type apart', async () => {
  const repository = new MemoryRatingRepository();
  await repository.vote(record, 'ann', 5);
  expect(await repository.mean({ type: 'book', id: '1' })).toBeUndefined();
});

it('gives the means of those of several records that have votes', async () => {
  const repository = new MemoryRatingRepository();
  await repository.vote(record, 'ann', 5);
  await repository.vote({ type: 'movie', id: '2' }, 'ann', 1);
  await repository.vote({ type: 'movie', id: '2' }, 'bob', 2);
  await repository.vote({ type: 'book', id: '3' }, 'ann', 3);
  expect([...(await repository.means('movie', ['2', 'nobody', '3', '1', '2']))]).toEqual([
    ['2', 1.5],
    ['1', 5],
  ]);
  expect((await repository.means('film', ['1'])).size).toBe(0);
});

it('is exact after a million votes', async () => {
  const repository = new MemoryRatingRepository();
  let sum = 0;
  for (let user = 0; user < 1_000_000; user += 1) {
    const value = 1 + (user % 5);
    sum += value;
    void repository.vote(record, String(user), value);
  }
  for (let user = 0; user < 1_000_000; user += 7) {
    sum += 3 - (1 + (user % 5));
    void repository.vote(record, String(user), 3);
  }
  expect(await repository.mean(record)).toBe(sum / 1_000_000);
});
