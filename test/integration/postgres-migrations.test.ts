import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ServiceDatabase } from '@movies/database';
import { createRatingService } from '../../services/rating/src/rating-service';
import { killServiceProcesses, ServiceProcess } from '../system/service-process';
import { until, untilEqual } from '../until';
import { describeWithPostgres, PostgresServer } from './postgres-server';
import { DatabaseUser, openDatabase } from './postgres-system';

const signal = new AbortController().signal;

describeWithPostgres('migrations on a real PostgreSQL', (programs) => {
  let server: PostgresServer;
  let url: string;
  let folder: string;

  beforeAll(async () => {
    server = await PostgresServer.start(programs);
  });

  afterAll(async () => {
    await killServiceProcesses();
    await server.close();
  });

  beforeEach(() => {
    url = server.createDatabase();
    folder = mkdtempSync(path.join(tmpdir(), 'movies-migrations-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const write = (name: string, sql: string) => {
    writeFileSync(path.join(folder, name), sql);
  };
  const open = () =>
    new ServiceDatabase({
      database: openDatabase(url, 'thing', 20_000),
      schema: 'thing',
      migrationsFolder: folder,
    });
  const applied = (schema: string) =>
    server.sql(`SELECT version, name FROM ${schema}.schema_migrations ORDER BY version`, url);

  it('is done by one of ten that start at once, while the others wait', async () => {
    write('0001-one.sql', 'CREATE TABLE thing.runs (run text); SELECT pg_sleep(0.3)');
    write('0002-two.sql', `INSERT INTO thing.runs VALUES ('two')`);
    const databases = Array.from({ length: 10 }, open);
    await Promise.all(databases.map((database) => database.prepare(signal)));
    expect(applied('thing')).toEqual(['1|0001-one.sql', '2|0002-two.sql']);
    expect(server.sql('SELECT run FROM thing.runs', url)).toEqual(['two']);
    await Promise.all(databases.map((database) => database.close()));
  });

  it('lets ten processes of rating start at once', async () => {
    const services = Array.from(
      { length: 10 },
      () =>
        new ServiceProcess({
          script: 'services/rating/src/main.ts',
          args: ['--registry', 'memory:', '--port', '0', '--database', url],
        }),
    );
    await Promise.all(
      services.map((service) => service.line(({ msg }) => msg === 'ready', 60_000)),
    );
    expect(applied('rating')).toEqual(['1|0001-votes-and-tallies.sql']);
    for (const service of services) service.signal('SIGTERM');
    expect(await Promise.all(services.map(({ exited }) => exited))).toEqual(Array(10).fill(0));
  }, 90_000);

  it('leaves no trace of one that dies in the middle, and the next does it all', async () => {
    write('0001-one.sql', 'CREATE TABLE thing.one (id int)');
    write('0002-two.sql', 'CREATE TABLE thing.two (id int); SELECT pg_sleep(600)');
    const script = `${folder}.cjs`;
    const root = path.resolve(__dirname, '../..');
    writeFileSync(
      script,
      `const { ServiceDatabase } = require('${root}/packages/database/src');
       const { databaseFromUrl } = require('${root}/packages/database/src/database-from-url');
       const database = databaseFromUrl('${url}').open({ service: 'thing', timeoutMs: 1000 });
       new ServiceDatabase({ database, schema: 'thing', migrationsFolder: '${folder}' })
         .prepare(new AbortController().signal);`,
    );
    const sleeping = () =>
      server.sql(`SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%'
        AND application_name = 'thing'`);
    const child = spawn(process.execPath, ['-r', 'ts-node/register', script], {
      cwd: root,
      stdio: 'ignore',
    });
    await until(() => sleeping()[0] === '1');
    child.kill('SIGKILL');
    await once(child, 'exit');
    // The server notices when it next writes; here it is told, as an operator would.
    server.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'thing'`);
    await untilEqual(sleeping, ['0']);
    expect(server.sql(`SELECT to_regnamespace('thing') IS NULL`, url)).toEqual(['t']);
    write('0002-two.sql', 'CREATE TABLE thing.two (id int)');
    rmSync(script);
    const database = open();
    await database.prepare(signal);
    expect(applied('thing')).toEqual(['1|0001-one.sql', '2|0002-two.sql']);
    await database.close();
  });

  it('does only what is new, and undoes all of it if a part fails', async () => {
    write('0001-one.sql', 'CREATE TABLE thing.one (id int)');
    const first = open();
    await first.prepare(signal);
    await first.close();
    write('0002-two.sql', 'CREATE TABLE thing.two (id int)');
    write('0003-wrong.sql', 'CREATE TABLE thing.three (id int); SELECT nonsense');
    const failing = open();
    await expect(failing.prepare(signal)).rejects.toMatchObject({
      code: 'migration_failed',
      message: expect.stringMatching(
        /^the migration 0003-wrong\.sql of the schema 'thing' failed: .*"nonsense" does not exist/,
      ) as string,
    });
    expect(applied('thing')).toEqual(['1|0001-one.sql']);
    expect(failing.failure?.code).toBe('migration_failed');
    write('0003-wrong.sql', 'CREATE TABLE thing.three (id int)');
    await failing.close();
    const mended = open();
    await mended.prepare(signal);
    expect(applied('thing')).toHaveLength(3);
    expect(mended.failure).toBeUndefined();
    await mended.close();
  });

  it('refuses tables that a newer program has changed, and serves nothing from them', async () => {
    const old = await DatabaseUser.start(createRatingService(openDatabase(url, 'rating')));
    await old.service.ready;
    await old.service.stop();
    server.sql(`INSERT INTO rating.schema_migrations VALUES (7, '0007-new.sql')`, url);
    const refused = await DatabaseUser.start(createRatingService(openDatabase(url, 'rating')));
    try {
      await untilEqual(
        async () => (await refused.ask('/readyz')).body.includes('is at version 7'),
        true,
      );
      expect((await refused.ask('/readyz')).body).toContain(
        "the schema 'rating' is at version 7, and this program knows 1: run the newer program",
      );
      expect((await refused.ask('/rating?id=1&type=movie')).status).toBe(503);
      server.sql('DELETE FROM rating.schema_migrations WHERE version = 7', url);
      await refused.service.ready;
      expect((await refused.ask('/rating?id=1&type=movie')).status).toBe(404);
    } finally {
      await refused.service.stop();
    }
  });

  it('needs no right to create anything where there is nothing to do', async () => {
    write('0001-one.sql', 'CREATE TABLE thing.one (id int)');
    const owner = open();
    await owner.prepare(signal);
    await owner.close();
    server.sql(
      `CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA thing TO reader;
       GRANT SELECT ON ALL TABLES IN SCHEMA thing TO reader`,
      url,
    );
    const reader = new ServiceDatabase({
      database: openDatabase(url.replace('postgres@', 'reader@'), 'thing'),
      schema: 'thing',
      migrationsFolder: folder,
    });
    await reader.prepare(signal);
    expect(await reader.query({ text: 'SELECT id FROM thing.one' })).toEqual([]);
    await reader.close();
  });

  it('ends at once when the service is to stop', async () => {
    write('0001-slow.sql', 'SELECT pg_sleep(600)');
    const stopping = new AbortController();
    const database = open();
    const prepared = database.prepare(stopping.signal);
    await until(
      () =>
        server.sql(`SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%'
          AND application_name = 'thing'`).length > 0,
    );
    stopping.abort(new Error('stopping'));
    await expect(prepared).rejects.toThrow('stopping');
    await database.close();
    expect(server.sql(`SELECT to_regnamespace('thing') IS NULL`, url)).toEqual(['t']);
  });
});
