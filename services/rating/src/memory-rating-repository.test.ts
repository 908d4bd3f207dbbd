import { MemoryRatingRepository } from './memory-rating-repository';
import { describeRatingRepository } from './rating-repository.contract';

describeRatingRepository('MemoryRatingRepository', async () => new MemoryRatingRepository());

it('is exact after a million votes', async () => {
  const record = { type: 'movie', id: '1' };
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
