import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { selfSigned } from '../../packages/discovery/src/testing/self-signed';
import { killServiceProcesses, ServiceProcess } from '../system/service-process';
import { untilEqual } from '../until';
import { describeWithPostgres, PostgresServer } from './postgres-server';
import { openDatabase } from './postgres-system';

const password = 'a/b@c%d:e?f#g';
const newPassword = 'another one';

describeWithPostgres('connecting to a real PostgreSQL', (programs) => {
  let server: PostgresServer;
  let folder: string;
  let url: string;

  beforeAll(async () => {
    server = await PostgresServer.start(programs);
    server.allow([
      'host all app 127.0.0.1/32 scram-sha-256',
      'hostssl all tls 127.0.0.1/32 trust',
      'hostnossl all tls 127.0.0.1/32 reject',
    ]);
    server.sql(`CREATE ROLE app LOGIN PASSWORD '${password}'; CREATE ROLE tls LOGIN`);
    folder = mkdtempSync(path.join(tmpdir(), 'movies-secrets-'));
    url = server.createDatabase();
    const { cert, key } = selfSigned();
    file('CA', cert);
    file('OTHER', selfSigned().cert);
    server.enableTls({ cert, key });
    await untilEqual(() => server.sql('SHOW ssl'), ['on']);
  });

  afterAll(async () => {
    await killServiceProcesses();
    await server.close();
    rmSync(folder, { recursive: true });
  });

  const as = (user: string) => url.replace('postgres@', `${user}@`);
  const file = (name: string, text: string) => {
    writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };

  /** What comes of one query: who was asked for, or the message of the error. */
  async function outcomeOf(databaseUrl: string): Promise<string> {
    const database = openDatabase(databaseUrl, 'thing', 10_000);
    try {
      const [row] = await database.query({ text: 'SELECT current_user AS name' });
      return String(row?.['name']);
    } catch (error: unknown) {
      expect(error).toMatchObject({ code: 'database_unavailable' });
      return (error as Error).message;
    } finally {
      await database.close();
    }
  }

  // The first, since it counts sockets: `fetch` keeps some for a while.
  it('keeps no socket to a server that stands still, which would never say goodbye', async () => {
    const sockets = () =>
      process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const before = sockets();
    const database = openDatabase(url, 'thing', 10_000);
    await Promise.all(
      Array.from({ length: 5 }, () => database.query({ text: 'SELECT pg_sleep(0.1)' })),
    );
    expect(sockets()).toBe(before + 5);
    server.pause();
    try {
      const asked = database.query({ text: 'SELECT 1' }).catch((error: unknown) => error);
      await database.close();
      await database.close();
      expect(await asked).toMatchObject({ code: 'database_unavailable' });
      await untilEqual(sockets, before);
    } finally {
      server.resume();
    }
  });

  it('takes a password from the URL, percent-encoded, and tells it to nobody', async () => {
    expect(await outcomeOf(as(`app:${encodeURIComponent(password)}`))).toBe('app');
    const message = await outcomeOf(as('app:wrong-secret'));
    expect(message).toContain('password authentication failed for user "app"');
    expect(message).toContain(`on 127.0.0.1:${server.port}`);
    expect(message).not.toContain('wrong-secret');
  });

  it('says what is missing where the server wants a password and there is none', async () => {
    expect(await outcomeOf(as('app'))).toContain(
      'it wants a password, and the database URL has neither that nor password-file=',
    );
  });

  it('reads the password file anew for each connection', async () => {
    const passwordFile = file('password', `${password}\n`);
    const database = openDatabase(`${as('app')}?password-file=${passwordFile}`, 'thing', 10_000);
    const ask = () => database.query({ text: 'SELECT 1 AS one' });
    try {
      expect(await ask()).toEqual([{ one: 1 }]);
      server.sql(`ALTER ROLE app PASSWORD '${newPassword}'`);
      file('password', newPassword);
      server.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'`);
      await untilEqual(ask, [{ one: 1 }]);
      rmSync(passwordFile);
      server.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'`);
      await expect(ask()).rejects.toMatchObject({
        code: 'database_unavailable',
        message: expect.stringContaining(passwordFile) as string,
      });
    } finally {
      await database.close();
      server.sql(`ALTER ROLE app PASSWORD '${password}'`);
    }
  });

  it('runs a service whose whole URL is in a file', async () => {
    server.sql(`GRANT CREATE ON DATABASE ${new URL(url).pathname.slice(1)} TO app`, url);
    const urlFile = file('url', `${as(`app:${encodeURIComponent(password)}`)}\n`);
    const rating = new ServiceProcess({
      script: 'services/rating/src/main.ts',
      args: ['--registry', 'memory:', '--port', '0'],
      env: { DATABASE_URL_FILE: urlFile },
    });
    await rating.ready();
    const port = await rating.port();
    const vote = `http://127.0.0.1:${port}/rating?id=1&type=movie&userId=ann&value=5`;
    expect((await fetch(vote, { method: 'PUT' })).status).toBe(204);
    expect(server.sql('SELECT votes FROM rating.tallies', url)).toEqual(['1']);
    rating.signal('SIGTERM');
    expect(await rating.exited).toBe(0);
    expect(JSON.stringify(rating.lines) + rating.errors).not.toContain('c%d');
  });

  it.each([
    ['sslmode=disable', 'no encryption'],
    ['sslmode=require', 'tls'],
    ['sslmode=verify-ca&sslrootcert=CA', 'tls'],
    ['sslmode=verify-full&sslrootcert=CA', 'tls'],
    ['sslmode=require&sslrootcert=OTHER', 'certificate'],
    ['sslmode=verify-full&sslrootcert=OTHER', 'certificate'],
    ['sslmode=verify-full', 'self-signed certificate'],
    // 127.1 is the same address, under a name that is not in the certificate.
    ['sslmode=verify-full&sslrootcert=CA', "Host: 127.1. is not in the cert's altnames", '127.1'],
    ['sslmode=verify-ca&sslrootcert=CA', 'tls', '127.1'],
  ])('with %s comes to: %s %s', async (parameters, outcome, host = '127.0.0.1') => {
    const query = parameters.replace(/sslrootcert=(\w+)/, `sslrootcert=${folder}/$1`);
    expect(await outcomeOf(`${as('tls').replace('127.0.0.1', host)}?${query}`)).toContain(outcome);
  });
});
