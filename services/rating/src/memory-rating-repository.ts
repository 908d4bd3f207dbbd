import type { RatingRepository, RecordKey } from './rating-repository';

interface Tally {
  readonly votes: Map<string, number>;
  /** Of integers, so it never drifts. */
  sum: number;
}

/** In this process, until it ends; two instances share nothing. */
export class MemoryRatingRepository implements RatingRepository {
  readonly #types = new Map<string, Map<string, Tally>>();

  async mean({ type, id }: RecordKey): Promise<number | undefined> {
    const tally = this.#types.get(type)?.get(id);
    return tally === undefined ? undefined : tally.sum / tally.votes.size;
  }

  async means(type: string, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const means = new Map<string, number>();
    for (const id of ids) {
      const mean = await this.mean({ type, id });
      if (mean !== undefined) means.set(id, mean);
    }
    return means;
  }

  // From the first line to the last without an await: no other vote can come between.
  async vote({ type, id }: RecordKey, userId: string, value: number): Promise<void> {
    const tally = this.#tally(type, id);
    tally.sum += value - (tally.votes.get(userId) ?? 0);
    tally.votes.set(userId, value);
  }

  #tally(type: string, id: string): Tally {
    let records = this.#types.get(type);
    if (records === undefined) {
      records = new Map();
      this.#types.set(type, records);
    }
    let tally = records.get(id);
    if (tally === undefined) {
      tally = { votes: new Map(), sum: 0 };
      records.set(id, tally);
    }
    return tally;
  }
}
