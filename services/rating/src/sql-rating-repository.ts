import type { Queryable, QueryOptions } from '@movies/database';
import type { RatingRepository, RecordKey } from './rating-repository';

// Both numbers are below 2^53, so the quotient is the one that JavaScript would come to.
const meanOfTally = 'sum::float8 / votes::float8 AS mean';

const statements = {
  mean: {
    name: 'rating-mean',
    text: `SELECT ${meanOfTally} FROM rating.tallies
      WHERE record_type = $1 AND record_id = $2 AND votes > 0`,
  },
  means: {
    name: 'rating-means',
    text: `SELECT record_id AS id, ${meanOfTally} FROM rating.tallies
      WHERE record_type = $1 AND record_id = ANY($2::text[]) AND votes > 0`,
  },
  // The trigger keeps the tally. A vote that is as it was changes nothing.
  vote: {
    name: 'rating-vote',
    text: `INSERT INTO rating.votes AS vote (record_type, record_id, user_id, value) VALUES ($1, $2, $3, $4)
      ON CONFLICT (record_type, record_id, user_id)
      DO UPDATE SET value = EXCLUDED.value WHERE vote.value <> EXCLUDED.value`,
  },
};

/** In PostgreSQL: durable, and one for all instances. */
export class SqlRatingRepository implements RatingRepository {
  readonly #database: Queryable;

  constructor(database: Queryable) {
    this.#database = database;
  }

  async mean({ type, id }: RecordKey, options?: QueryOptions): Promise<number | undefined> {
    const [row] = await this.#database.query(statements.mean, [type, id], options);
    return row?.['mean'] as number | undefined;
  }

  async means(
    type: string,
    ids: readonly string[],
    options?: QueryOptions,
  ): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#database.query(statements.means, [type, ids], options);
    return new Map(rows.map(({ id, mean }) => [id as string, mean as number]));
  }

  async vote(
    { type, id }: RecordKey,
    userId: string,
    value: number,
    options?: QueryOptions,
  ): Promise<void> {
    await this.#database.query(statements.vote, [type, id, userId, value], options);
  }
}
