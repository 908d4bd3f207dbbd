import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Database, Row, Transaction } from './database';
import { DatabaseError } from './database-error';
import { ServiceDatabase } from './service-database';

const { signal } = new AbortController();
const down = new DatabaseError('database_unavailable', 'nobody there');
let folder: string;

beforeEach(() => {
  jest.useFakeTimers();
  folder = mkdtempSync(path.join(tmpdir(), 'movies-migrations-'));
});

afterEach(() => {
  jest.useRealTimers();
  rmSync(folder, { recursive: true });
});

/** Answers every statement with what `failure` is now, and says that all has been migrated. */
class ScriptedDatabase implements Database {
  failure: Error | undefined;
  readonly asked: string[] = [];
  isClosed = false;

  async query({ text }: { readonly text: string }): Promise<Row[]> {
    this.asked.push(text);
    if (this.failure !== undefined) throw this.failure;
    return [{ version: 0 }];
  }

  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return work({
      query: (text) => this.query({ text }),
      execute: async (text) => {
        await this.query({ text });
      },
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

function open(seed?: () => Promise<void>) {
  const database = new ScriptedDatabase();
  const service = new ServiceDatabase({
    database,
    schema: 'thing',
    migrationsFolder: folder,
    ...(seed && { seed }),
  });
  return { database, service };
}

const one = { text: 'SELECT 1' };

it('refuses queries until its tables are there, and says why they are not', async () => {
  const { database, service } = open();
  await expect(service.query(one)).rejects.toMatchObject({
    code: 'database_unavailable',
    message: 'the tables are not ready: this service is starting',
  });
  database.failure = down;
  await expect(service.prepare(signal)).rejects.toBe(down);
  expect(service.failure).toBe(down);
  await expect(service.query(one)).rejects.toThrow('the tables are not ready: nobody there');
  database.failure = undefined;
  await service.prepare(signal);
  expect(service.failure).toBeUndefined();
  expect(await service.query(one)).toHaveLength(1);
});

it('puts in what is to be there from the start, after the migrations', async () => {
  let askedBefore = 0;
  const { database, service } = open(async () => {
    askedBefore = database.asked.length;
  });
  await service.prepare(signal);
  expect(askedBefore).toBe(2);
});

it('makes an error of ours of whatever else goes wrong', async () => {
  const { service } = open(() => Promise.reject(new TypeError('a mistake')));
  await expect(service.prepare(signal)).rejects.toMatchObject({
    code: 'migration_failed',
    message: "the schema 'thing' cannot be prepared: a mistake",
  });
  expect(service.failure?.code).toBe('migration_failed');
});

it('tells a failure until it is over, and finds that out by itself', async () => {
  const { database, service } = open();
  await service.prepare(signal);
  database.failure = down;
  await expect(service.query(one)).rejects.toBe(down);
  await jest.advanceTimersByTimeAsync(10_500);
  expect(service.failure).toBe(down);
  // Two to prepare it, one of ours, and one a second.
  expect(database.asked).toHaveLength(2 + 1 + 10);
  database.failure = undefined;
  await jest.advanceTimersByTimeAsync(1000);
  expect(service.failure).toBeUndefined();
  expect(jest.getTimerCount()).toBe(0);
});

it('refuses at once after five failures in a row, until it answers a probe', async () => {
  const { database, service } = open();
  await service.prepare(signal);
  database.failure = new DatabaseError('database_timeout', 'it hangs');
  for (let i = 0; i < 5; i += 1) await expect(service.query(one)).rejects.toBe(database.failure);
  const before = database.asked.length;
  await expect(service.query(one)).rejects.toMatchObject({
    code: 'database_unavailable',
    message: 'it hangs; it is asked again every second',
    cause: database.failure,
  });
  expect(database.asked).toHaveLength(before);
  database.failure = undefined;
  await jest.advanceTimersByTimeAsync(1000);
  expect(await service.query(one)).toHaveLength(1);
});

it('does not refuse for failures between which it answered', async () => {
  const { database, service } = open();
  await service.prepare(signal);
  for (let i = 0; i < 10; i += 1) {
    database.failure = down;
    await expect(service.query(one)).rejects.toBe(down);
    database.failure = undefined;
    expect(await service.query(one)).toHaveLength(1);
  }
});

it('tells each query that ends, by name and outcome', async () => {
  const { database, service } = open();
  await service.prepare(signal);
  const ends: string[] = [];
  service.onQuery(({ query, outcome, durationMs }) => {
    expect(durationMs).toBeGreaterThanOrEqual(0);
    ends.push(`${query} ${outcome}`);
  });
  await service.query({ ...one, name: 'thing-get' });
  database.failure = down;
  await expect(service.query(one)).rejects.toBe(down);
  expect(ends).toEqual(['thing-get ok', 'other database_unavailable']);
});

it('takes a fault of a statement for no failure of the database', async () => {
  const { database, service } = open();
  await service.prepare(signal);
  database.failure = new DatabaseError('query_failed', 'no such column');
  await expect(service.query(one)).rejects.toThrow('no such column');
  expect(service.failure).toBeUndefined();
});

it('leaves no timer when it is closed, twice', async () => {
  const { database, service } = open();
  await service.prepare(signal);
  database.failure = down;
  await expect(service.query(one)).rejects.toBe(down);
  await service.close();
  await service.close();
  await expect(service.query(one)).rejects.toBe(down);
  expect(jest.getTimerCount()).toBe(0);
  expect(database.isClosed).toBe(true);
});

it('does not start with migrations that are not numbered one after the other', () => {
  writeFileSync(path.join(folder, '0001-one.sql'), '');
  writeFileSync(path.join(folder, '0003-three.sql'), '');
  expect(() => open()).toThrow("'0003-three.sql' is not the migration 2");
});
