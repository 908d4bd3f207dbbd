import path from 'node:path';
import { TestDatabase } from '@movies/database/testing';
import { describeRatingRepository } from './rating-repository.contract';
import { SqlRatingRepository } from './sql-rating-repository';

let embedded: TestDatabase;

beforeAll(async () => {
  const migrationsFolder = path.join(__dirname, 'migrations');
  embedded = await TestDatabase.open({ service: 'rating', migrationsFolder });
});

afterAll(() => embedded.close());

describeRatingRepository('SqlRatingRepository on PGlite', async () => {
  await embedded.empty('rating.votes', 'rating.tallies');
  return new SqlRatingRepository(embedded.database);
});
