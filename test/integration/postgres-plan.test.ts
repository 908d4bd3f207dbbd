import path from 'node:path';
import { TestDatabase } from '@movies/database/testing';
import { SqlRatingRepository } from '../../services/rating/src/sql-rating-repository';
import { describeWithPostgres, PostgresServer } from './postgres-server';

const records = 20_000;
const perRecord = 50;

describeWithPostgres('a million votes on a real PostgreSQL', (programs) => {
  let server: PostgresServer;
  let url: string;
  let rating: TestDatabase;

  beforeAll(async () => {
    server = await PostgresServer.start(programs);
    url = server.createDatabase();
    rating = await TestDatabase.open({
      service: 'rating',
      migrationsFolder: path.resolve(__dirname, '../../services/rating/src/migrations'),
      url,
    });
    // Without the trigger, and counted together in the end: a million times one by one takes a minute.
    server.sql(
      `SET session_replication_role = replica;
       INSERT INTO rating.votes
         SELECT 'movie', record::text, 'user-' || vote, 1 + (record * 7 + vote) % 5
         FROM generate_series(1, ${records}) record, generate_series(1, ${perRecord}) vote;
       INSERT INTO rating.tallies
         SELECT record_type, record_id, count(*), sum(value) FROM rating.votes GROUP BY 1, 2`,
      url,
    );
    server.sql('VACUUM ANALYZE', url);
  }, 180_000);

  afterAll(async () => {
    await rating.close();
    await server.close();
  });

  it('have a mean that is one row of an index', () => {
    const plan = server.sql(
      `EXPLAIN (ANALYZE, COSTS off, BUFFERS) SELECT sum::float8 / votes::float8 AS mean
       FROM rating.tallies WHERE record_type = 'movie' AND record_id = '777' AND votes > 0`,
      url,
    );
    expect(plan[0]).toMatch(/^Index Scan using tallies_pkey on tallies \(actual .* rows=1(\.00)? /);
    const [, hit] = /shared hit=(\d+)/.exec(plan.join('\n')) ?? [];
    expect(Number(hit)).toBeLessThan(10);
  });

  it('are a million', () => {
    expect(server.sql('SELECT count(*) FROM rating.votes', url)).toEqual(['1000000']);
  });

  it('cost a read no more than a few votes do', async () => {
    const repository = new SqlRatingRepository(rating.database);
    const times: number[] = [];
    for (let turn = 0; turn < 500; turn += 1) {
      const id = String(1 + ((turn * 37) % records));
      const startedAt = performance.now();
      expect(await repository.mean({ type: 'movie', id })).toBe(3);
      times.push(performance.now() - startedAt);
    }
    expect(times.sort((a, b) => a - b)[250]).toBeLessThan(10);
  });
});

describeWithPostgres('a hundred thousand films on a real PostgreSQL', (programs) => {
  let server: PostgresServer;
  let url: string;
  let metadata: TestDatabase;

  beforeAll(async () => {
    server = await PostgresServer.start(programs);
    url = server.createDatabase();
    metadata = await TestDatabase.open({
      service: 'metadata',
      migrationsFolder: path.resolve(__dirname, '../../services/metadata/src/migrations'),
      url,
    });
    server.sql(
      `INSERT INTO metadata.movies SELECT i::text, 'Film', 'film ' || md5(i::text), 'What', 'Who'
         FROM generate_series(1, 100000) i`,
      url,
    );
    server.sql('VACUUM ANALYZE', url);
  }, 180_000);

  afterAll(async () => {
    await metadata.close();
    await server.close();
  });

  const planOf = (text: string) =>
    server
      .sql(
        `EXPLAIN SELECT id FROM metadata.movies
         WHERE (title_key, id) > ('film 8', '') AND title_key LIKE '%${text}%'
         ORDER BY title_key, id LIMIT 20`,
        url,
      )
      .join('\n');

  it('are searched by the parts of a title where few have the text, else in order until a page is full', () => {
    expect(planOf('a1b2c3')).toContain('Bitmap Index Scan on movies_by_part_of_title');
    expect(planOf('film')).toMatch(/^Limit .*\n +-> +Index (Only )?Scan using movies_by_title /);
  });
});
