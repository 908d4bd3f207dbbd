import fc from 'fast-check';
import type { RatingRepository } from './rating-repository';

const record = { type: 'movie', id: '1' };
const awkward = [
  "'",
  '"',
  '\\',
  '{a,b}',
  '%',
  'NULL',
  ' ',
  'ü',
  '\u{1F3AC}',
  '映画',
  'x'.repeat(256),
];

/** What every adapter must do; `open` gives one without votes. */
export function describeRatingRepository(
  name: string,
  open: () => Promise<RatingRepository>,
): void {
  describe(name, () => {
    let repository: RatingRepository;

    beforeEach(async () => {
      repository = await open();
    });

    it('has no mean where there is no vote', async () => {
      expect(await repository.mean(record)).toBeUndefined();
    });

    it('gives the mean of all votes', async () => {
      await repository.vote(record, 'ann', 5);
      await repository.vote(record, 'bob', 4);
      expect(await repository.mean(record)).toBe(4.5);
    });

    it("replaces a user's vote", async () => {
      for (const value of [5, 1, 1, 2]) await repository.vote(record, 'ann', value);
      expect(await repository.mean(record)).toBe(2);
      await repository.vote(record, 'bob', 4);
      expect(await repository.mean(record)).toBe(3);
    });

    it('keeps records of the same id but another type apart', async () => {
      await repository.vote(record, 'ann', 5);
      await repository.vote({ type: 'book', id: '1' }, 'ann', 1);
      expect(await repository.mean(record)).toBe(5);
      expect(await repository.means('book', ['1'])).toEqual(new Map([['1', 1]]));
    });

    it('gives the means of those records that have votes', async () => {
      await repository.vote({ type: 'movie', id: 'a' }, 'ann', 5);
      await repository.vote({ type: 'movie', id: 'b' }, 'ann', 3);
      await repository.vote({ type: 'movie', id: 'b' }, 'bob', 4);
      const means = await repository.means('movie', ['b', 'nobody', 'a', 'b']);
      expect([...means].sort()).toEqual([
        ['a', 5],
        ['b', 3.5],
      ]);
      expect(await repository.means('movie', [])).toEqual(new Map());
    });

    it('takes any text for an id', async () => {
      for (const [index, id] of awkward.entries()) {
        await repository.vote({ type: 'movie', id }, id, 1 + (index % 5));
      }
      const expected = awkward.map((id, index) => [id, 1 + (index % 5)] as const);
      expect(await repository.means('movie', awkward)).toEqual(new Map(expected));
      for (const [id, mean] of expected) {
        expect(await repository.mean({ type: 'movie', id })).toBe(mean);
      }
    });

    it('loses none of many votes at once, and counts none twice', async () => {
      // Each user changes their mind while the others vote.
      const users = Array.from({ length: 60 }, (_, user) => user);
      await Promise.all(
        users.map(async (user) => {
          await repository.vote(record, String(user), 1 + (user % 5));
          await repository.vote(record, String(user), 1 + ((user + 1) % 5));
        }),
      );
      expect(await repository.mean(record)).toBe(3);
      await repository.vote(record, '0', 5);
      expect(await repository.mean(record)).toBe(3 + 3 / 60);
    });

    it('gives, for any history of votes, the means that counting by hand gives', async () => {
      const vote = fc.record({
        id: fc.constantFrom('a', 'b', 'c'),
        user: fc.constantFrom('ann', 'bob', 'cid', 'dan', 'eve', 'flo', 'gus'),
        value: fc.integer({ min: 1, max: 5 }),
      });
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(vote, { maxLength: 25 }), async (history) => {
          run += 1;
          // A type for each run: what the last one left does not count.
          const type = `run-${run}`;
          const byHand = new Map<string, Map<string, number>>();
          for (const { id, user, value } of history) {
            await repository.vote({ type, id }, user, value);
            byHand.set(id, (byHand.get(id) ?? new Map<string, number>()).set(user, value));
          }
          const expected = new Map(
            [...byHand].map(([id, votes]) => [
              id,
              [...votes.values()].reduce((sum, value) => sum + value, 0) / votes.size,
            ]),
          );
          expect(await repository.means(type, ['a', 'b', 'c'])).toEqual(expected);
          for (const id of ['a', 'b', 'c']) {
            expect(await repository.mean({ type, id })).toBe(expected.get(id));
          }
        }),
        { numRuns: 40 },
      );
    });
  });
}
