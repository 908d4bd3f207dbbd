import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PgliteDatabase } from './pglite-database';

const { signal } = new AbortController();
let parent: string;
let folder: string;
let database: PgliteDatabase;

beforeAll(async () => {
  parent = mkdtempSync(path.join(tmpdir(), 'movies-pglite-'));
  folder = path.join(parent, 'deep', 'thing');
  // What one leaves that is killed while it makes the folder.
  mkdirSync(`${folder}.new`, { recursive: true });
  writeFileSync(path.join(`${folder}.new`, 'PG_VERSION'), '18');
  database = new PgliteDatabase({ folder, timeoutMs: 10_000 });
  await database.query({ text: 'CREATE TABLE kept (id int)' });
});

afterAll(async () => {
  await database.close();
  rmSync(parent, { recursive: true });
});

const transaction = { timeoutMs: 10_000, signal };

it('lets go of its folder when it is closed, twice, and finds all there again', async () => {
  await database.query({ text: 'INSERT INTO kept VALUES ($1)' }, [1]);
  expect(() => new PgliteDatabase({ folder, timeoutMs: 1000 })).toThrow(
    expect.objectContaining({ code: 'folder_in_use' }) as Error,
  );
  await database.close();
  await database.close();
  await expect(database.query({ text: 'SELECT 1' })).rejects.toMatchObject({
    code: 'database_unavailable',
  });
  database = new PgliteDatabase({ folder, timeoutMs: 10_000 });
  expect(await database.query({ text: 'SELECT id FROM kept' })).toEqual([{ id: 1 }]);
  expect(existsSync(`${folder}.new`)).toBe(false);
});

it('undoes all of a transaction that fails', async () => {
  const failing = database.transaction(async (session) => {
    await session.execute('DELETE FROM kept; INSERT INTO kept VALUES (7)');
    expect(await session.query('SELECT id FROM kept WHERE id = $1', [7])).toHaveLength(1);
    await session.execute('SELECT nonsense');
  }, transaction);
  await expect(failing).rejects.toMatchObject({
    code: 'query_failed',
    message: expect.stringContaining('"nonsense" does not exist') as string,
  });
  expect(await database.query({ text: 'SELECT id FROM kept' })).toEqual([{ id: 1 }]);
});

it('undoes one that is to end', async () => {
  const ending = new AbortController();
  const aborted = database.transaction(
    async (session) => {
      await session.execute('DELETE FROM kept');
      ending.abort(new Error('stopping'));
    },
    { timeoutMs: 10_000, signal: ending.signal },
  );
  await expect(aborted).rejects.toThrow('stopping');
  expect(await database.query({ text: 'SELECT id FROM kept' })).toEqual([{ id: 1 }]);
});

it('lets nobody wait for longer than they can', async () => {
  let release: () => void = () => undefined;
  const held = database.transaction(
    () =>
      new Promise<void>((resolve) => {
        release = resolve;
      }),
    transaction,
  );
  const late = database.query({ text: 'SELECT 1' }, [], { timeoutMs: 30 });
  await expect(late).rejects.toMatchObject({ code: 'database_timeout' });
  await expect(database.query({ text: 'SELECT 1' }, [], { timeoutMs: 0 })).rejects.toMatchObject({
    code: 'database_timeout',
  });
  release();
  await held;
  expect(await database.query({ text: 'SELECT 1 AS one' })).toEqual([{ one: 1 }]);
});

it('says of a folder that cannot be made which one it is', () => {
  const file = path.join(parent, 'file');
  writeFileSync(file, '');
  expect(() => new PgliteDatabase({ folder: path.join(file, 'thing'), timeoutMs: 1000 })).toThrow(
    `the folder ${path.join(file, 'thing')} cannot be used: `,
  );
});
