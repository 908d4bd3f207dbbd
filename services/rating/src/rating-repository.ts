/** What a vote is about: an id is unique within its type. */
export interface RecordKey {
  readonly type: string;
  readonly id: string;
}

/** PORT: where votes are kept, one a user and record. */
export interface RatingRepository {
  /** The exact mean of all votes on a record, in constant time; `undefined` if there are none. */
  mean(record: RecordKey): Promise<number | undefined>;
  /** A user's vote, an integer from 1 to 5; it replaces the one before. */
  vote(record: RecordKey, userId: string, value: number): Promise<void>;
}
