import type { QueryOptions } from '@movies/database';

/** What a vote is about: an id is unique within its type. */
export interface RecordKey {
  readonly type: string;
  readonly id: string;
}

/** PORT: where votes are kept, one a user and record. Rejects with `DatabaseError` if that cannot be had. */
export interface RatingRepository {
  /** The exact mean of all votes on a record, in constant time; `undefined` if there are none. */
  mean(record: RecordKey, options?: QueryOptions): Promise<number | undefined>;
  /** The same for several records of a type, by id; without those that have no votes. Asked for together. */
  means(
    type: string,
    ids: readonly string[],
    options?: QueryOptions,
  ): Promise<ReadonlyMap<string, number>>;
  /** A user's vote, an integer from 1 to 5; it replaces the one before, and is durable once this resolves. */
  vote(record: RecordKey, userId: string, value: number, options?: QueryOptions): Promise<void>;
}
