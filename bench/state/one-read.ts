import path from 'node:path';
import { ServiceDatabase } from '@movies/database';
import { databaseFromUrl } from '@movies/database/from-url';
import { SqlRatingRepository } from '../../services/rating/src/sql-rating-repository';
import { percentile } from '../load';
import { againstAim } from '../table';

const perSecond = 1000;
const records = 1000;

/** What reading one mean costs whoever asks PostgreSQL for it, at 1,000 a second. */
export async function measureOneRead(url: string, durationMs: number): Promise<string> {
  const source = databaseFromUrl(url);
  if (source === undefined) throw new TypeError('memory: is no database');
  const database = new ServiceDatabase({
    database: source.open({ service: 'rating', timeoutMs: 2000 }),
    schema: 'rating',
    migrationsFolder: path.resolve(__dirname, '../../services/rating/src/migrations'),
  });
  try {
    await database.prepare(new AbortController().signal);
    const repository = new SqlRatingRepository(database);
    for (let id = 0; id < records; id += 1) {
      await repository.vote({ type: 'movie', id: String(id) }, 'user', 1 + (id % 5));
    }
    const read = (number: number) =>
      repository.mean({ type: 'movie', id: String(number % records) });
    await paced(read, 2000);
    const latencies = await paced(read, durationMs);
    return [
      `one mean from PostgreSQL, ${latencies.length} reads at ${perSecond} a second: p50 ms ${percentile(latencies, 0.5).toFixed(2)}`,
      `one mean from PostgreSQL, p99 ms: ${againstAim(percentile(latencies, 0.99), { most: 1 })}`,
    ].join('\n');
  } finally {
    await database.close();
  }
}

/** Begins calls at a constant rate, whether those before have ended or not; gives the time each took, in ms. */
async function paced(
  call: (number: number) => Promise<unknown>,
  durationMs: number,
): Promise<number[]> {
  const latencies: number[] = [];
  const calls: Promise<void>[] = [];
  const startedAt = performance.now();
  for (let elapsed = 0; elapsed < durationMs; elapsed = performance.now() - startedAt) {
    while (calls.length < (elapsed / 1000) * perSecond) {
      const begun = performance.now();
      calls.push(
        call(calls.length).then(() => {
          latencies.push(performance.now() - begun);
        }),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(calls);
  return latencies;
}
