import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { DatabaseError } from '@movies/database';
import { createMetadataService } from '../../services/metadata/src/metadata-service';
import { createRatingService } from '../../services/rating/src/rating-service';
import { until, untilEqual } from '../until';
import { describeWithPostgres, PostgresServer } from './postgres-server';
import {
  DatabaseUser,
  openDatabase,
  requestTimeoutMs,
  slackMs,
  type TimedAnswer,
} from './postgres-system';

const read = '/rating?id=1&type=movie';
const vote = (user: string, value = 5) => `/rating?id=1&type=movie&userId=${user}&value=${value}`;
const reads = [read, 'GET'] as const;
const writes = [vote('ann'), 'PUT'] as const;

/** Told at once or not, that there is no database is a 503 that says when to come back, and comes in time. */
function expectInTime(answers: readonly TimedAnswer[]): void {
  for (const { status, retryAfter, durationMs, body } of answers) {
    expect({ status: [200, 204, 503].includes(status) ? 'expected' : status, body }).toMatchObject({
      status: 'expected',
    });
    expect(retryAfter).toBe(status === 503 ? '1' : null);
    expect(durationMs).toBeLessThan(requestTimeoutMs + slackMs);
  }
}

const failed = (answers: readonly TimedAnswer[]) =>
  answers.filter(({ status }) => status === 503).length;

describeWithPostgres('a service whose PostgreSQL fails', (programs) => {
  let server: PostgresServer;
  let url: string;
  let rating: DatabaseUser;

  beforeAll(async () => {
    server = await PostgresServer.start(programs);
  });

  afterAll(() => server.close());

  beforeEach(async () => {
    url = server.createDatabase();
    rating = await DatabaseUser.start(createRatingService(openDatabase(url, 'rating')));
    await rating.service.ready;
    expect((await rating.ask(vote('ann'), 'PUT')).status).toBe(204);
  });

  afterEach(() => rating.service.stop());

  const concerns = async () => {
    const { status, body } = await rating.ask('/readyz');
    expect(status).toBe(200);
    return (JSON.parse(body) as { concerns?: string[] }).concerns;
  };
  const answersAgain = async () => (await rating.ask(vote('ann'), 'PUT')).status === 204;

  it('waits for it at the start, and becomes ready by itself', async () => {
    await server.stop();
    const late = await DatabaseUser.start(createRatingService(openDatabase(url, 'rating')));
    try {
      await untilEqual(async () => (await late.ask('/readyz')).body.includes('ECONNREFUSED'), true);
      const waiting = await late.ask('/readyz');
      expect(waiting).toMatchObject({ status: 503, retryAfter: '1' });
      expect(waiting.body).toContain(`on 127.0.0.1:${server.port} cannot be used now`);
      expect((await late.ask('/livez')).status).toBe(200);
      expectInTime([await late.ask(read), await late.ask(vote('bob'), 'PUT')]);
      await server.start();
      await late.service.ready;
      expect((await late.ask(read)).status).toBe(200);
    } finally {
      await late.service.stop();
    }
  });

  it.each([
    ['stopped', (): Promise<void> => server.stop()],
    ['killed', (): Promise<void> => server.kill()],
  ])('stays ready while it is %s, answers 503 in time, and heals', async (_how, end) => {
    const load = rating.load([reads, writes]);
    await until(() => load.answers.length > 100);
    await end();
    await until(() => failed(load.answers) > 20);
    expect(await concerns()).toEqual([expect.stringContaining('cannot be used now')]);
    await server.start();
    const startedAt = performance.now();
    await until(answersAgain);
    expect(performance.now() - startedAt).toBeLessThan(5000);
    const before = load.answers.length;
    await until(() => load.answers.length > before + 100);
    const answers = await load.stop();
    expectInTime(answers);
    expect(failed(answers.slice(before + 20))).toBe(0);
    await untilEqual(concerns, undefined);
    expect((await rating.ask(read)).body).toBe('5');
  });

  it('stays ready while it stands still, answers 503 in time, and heals', async () => {
    const load = rating.load([reads, writes]);
    await until(() => load.answers.length > 100);
    server.pause();
    try {
      await until(() => failed(load.answers) > 20);
      expect(await concerns()).toEqual([expect.stringContaining('did not answer in time')]);
    } finally {
      server.resume();
    }
    await until(answersAgain);
    const before = load.answers.length;
    await until(() => load.answers.length > before + 100);
    const answers = await load.stop();
    expectInTime(answers);
    expect(failed(answers.slice(before + 20))).toBe(0);
    await untilEqual(concerns, undefined);
  });

  it('fails no request over connections that were cut while they were idle', async () => {
    // As many as the pool holds.
    await Promise.all(Array.from({ length: 5 }, (_, user) => rating.ask(vote(`${user}`), 'PUT')));
    for (let round = 0; round < 10; round += 1) {
      const answers = Array.from({ length: 5 }, () => rating.ask(read));
      server.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'rating'`);
      answers.push(...Array.from({ length: 5 }, (_, user) => rating.ask(vote(`${user}`), 'PUT')));
      expect(failed(await Promise.all(answers))).toBe(0);
    }
  });

  it('lets a bounded number wait for a connection, and none for longer than its time', async () => {
    const database = openDatabase(url, 'rating');
    const startedAt = performance.now();
    const codes = await Promise.all(
      Array.from({ length: 1300 }, () =>
        database
          .query({ text: 'SELECT pg_sleep(20)' })
          .catch((error: unknown) => (error as DatabaseError).code),
      ),
    );
    expect(performance.now() - startedAt).toBeLessThan(requestTimeoutMs + slackMs);
    expect(codes.filter((code) => code === 'database_timeout')).toHaveLength(1005);
    expect(codes.filter((code) => code === 'database_unavailable')).toHaveLength(295);
    await database.close();
  });

  it('leaves the server nothing to do for requests that are given up, and counts none of them twice', async () => {
    const psql = spawn(path.join(programs, 'psql'), ['-XAtq', url], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    try {
      psql.stdin.write('BEGIN; LOCK TABLE rating.votes; SELECT 1;\n');
      await once(psql.stdout, 'data');
      const users = Array.from({ length: 50 }, (_, user) => `${user}`);
      const answers = await Promise.all(users.map((user) => rating.ask(vote(user), 'PUT')));
      expect(failed(answers)).toBe(50);
      expectInTime(answers);
      await untilEqual(
        () =>
          server.sql(`SELECT count(*) FROM pg_stat_activity
            WHERE application_name = 'rating' AND state = 'active'`),
        ['0'],
      );
    } finally {
      psql.kill();
    }
    await until(answersAgain);
    const [votes = ''] = server.sql('SELECT votes FROM rating.tallies', url);
    expect(server.sql('SELECT count(*) FROM rating.votes', url)).toEqual([votes]);
  });

  it('stops in time while it stands still', async () => {
    server.pause();
    try {
      const startedAt = performance.now();
      expect(await rating.service.stop()).toBe(true);
      expect(performance.now() - startedAt).toBeLessThan(2000);
    } finally {
      server.resume();
    }
  });

  it('goes on serving the metadata that it has served before', async () => {
    const metadata = await DatabaseUser.start(createMetadataService(openDatabase(url, 'metadata')));
    try {
      await metadata.service.ready;
      const known = await metadata.ask('/metadata?id=1');
      expect(known.status).toBe(200);
      await server.stop();
      expect(await metadata.ask('/metadata?id=1')).toMatchObject({
        status: 200,
        body: known.body,
      });
      expect(await metadata.ask('/metadata?id=2')).toMatchObject({ status: 503, retryAfter: '1' });
      await server.start();
      await until(async () => (await metadata.ask('/metadata?id=2')).status === 200);
      server.pause();
      const answers = await Promise.all([1, 2].map((id) => metadata.ask(`/metadata?id=${id}`)));
      server.resume();
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      expectInTime(answers);
    } finally {
      server.resume();
      await metadata.service.stop();
    }
  });
});
