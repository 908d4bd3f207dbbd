import { metadataSchema, type Metadata } from '@movies/api';
import { CatalogueError } from './catalogue-error';
import type { FilmStore } from './film-store';
import { importFilms, type ImportOptions } from './import-films';
import type { SourceRecord } from './source-record';

const film = (id: string, title = `Film ${id}`): Metadata => ({
  id,
  title,
  description: '-',
  director: '-',
});

/** Keeps films in a map, and counts what it is asked. */
class MapStore implements FilmStore {
  readonly films: Map<string, Metadata>;
  readonly batches: number[] = [];
  puts = 0;
  mostAtOnce = 0;
  #atOnce = 0;

  constructor(...films: Metadata[]) {
    this.films = new Map(films.map((one) => [one.id, one]));
  }

  async known(ids: readonly string[]): Promise<ReadonlyMap<string, Metadata>> {
    this.batches.push(ids.length);
    return new Map([...this.films].filter(([id]) => ids.includes(id)));
  }

  async put(one: Metadata): Promise<string | undefined> {
    this.puts += 1;
    this.#atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
    await new Promise(setImmediate);
    this.#atOnce -= 1;
    this.films.set(one.id, one);
    return undefined;
  }
}

async function* lines(values: Iterable<unknown>): AsyncGenerator<SourceRecord> {
  let line = 0;
  for (const value of values) {
    line += 1;
    yield { at: `line ${line}`, value };
  }
}

async function importInto(
  store: FilmStore,
  records: AsyncIterable<SourceRecord>,
  options: Partial<ImportOptions> = {},
) {
  const rejected: string[] = [];
  const counts = await importFilms({
    records,
    store,
    format: metadataSchema,
    concurrency: 16,
    signal: new AbortController().signal,
    onRejected: (at, reason) => rejected.push(`${at}: ${reason}`),
    onProgress: () => undefined,
    ...options,
  });
  return { counts, rejected };
}

const none = { read: 0, added: 0, changed: 0, unchanged: 0, rejected: 0 };
const many = Array.from({ length: 250 }, (_, i) => film(String(i)));

it('adds what is not there, changes what differs, and leaves the rest alone', async () => {
  const store = new MapStore(film('1'), film('2', 'Another title'));
  const { counts } = await importInto(store, lines([film('1'), film('2'), film('3')]));
  expect(counts).toEqual({ ...none, read: 3, added: 1, changed: 1, unchanged: 1 });
  expect([...store.films.values()]).toEqual([film('1'), film('2'), film('3')]);
});

it('changes nothing the second time', async () => {
  const store = new MapStore();
  await importInto(store, lines(many));
  expect(store.puts).toBe(250);
  const { counts } = await importInto(store, lines(many));
  expect(counts).toEqual({ ...none, read: 250, unchanged: 250 });
  expect(store.puts).toBe(250);
});

it('asks for a hundred films at once, and puts sixteen at the same time', async () => {
  const store = new MapStore();
  await importInto(store, lines(many));
  expect(store.batches).toEqual([100, 100, 50]);
  expect(store.mostAtOnce).toBe(16);
});

it('rejects what is no film with every fault, and goes on', async () => {
  async function* records(): AsyncGenerator<SourceRecord> {
    yield { at: 'line 1', fault: 'is not JSON' };
    yield { at: 'line 2', value: { id: '2', title: '', year: 1979 } };
    yield { at: 'line 3', value: 7 };
    yield { at: 'line 4', value: film('4') };
  }
  const { counts, rejected } = await importInto(new MapStore(), records());
  expect(counts).toEqual({ ...none, read: 4, added: 1, rejected: 3 });
  expect(rejected).toEqual([
    'line 1: is not JSON',
    'line 2: title must not be empty; description is missing; director is missing; Unrecognized key: "year"',
    'line 3: Invalid input: expected object, received number',
  ]);
});

it('takes the first of several records with one id, also in another batch, and tells the others', async () => {
  const store = new MapStore();
  const records = [...many, film('0', 'Again'), film('0', 'And again')];
  const { counts, rejected } = await importInto(store, lines(records));
  expect(store.films.get('0')).toEqual(film('0'));
  expect(counts).toEqual({ ...none, read: 252, added: 250, rejected: 2 });
  expect(rejected).toEqual([
    "line 251: id '0' is that of line 1, which counts",
    "line 252: id '0' is that of line 1, which counts",
  ]);
});

it('tells what the store refuses', async () => {
  const store = new MapStore();
  store.put = async ({ id }) => (id === '2' ? 'no' : undefined);
  const { counts, rejected } = await importInto(store, lines([film('1'), film('2')]));
  expect(counts).toEqual({ ...none, read: 2, added: 1, rejected: 1 });
  expect(rejected).toEqual(['line 2: no']);
});

it('stops behind what is under way, and has counted it', async () => {
  const store = new MapStore();
  const stopping = new AbortController();
  const put = store.put.bind(store);
  store.put = (one) => {
    if (store.puts === 120) stopping.abort();
    return put(one);
  };
  const { counts } = await importInto(store, lines(many), { signal: stopping.signal });
  expect(counts.read).toBe(200);
  expect(counts.added).toBe(store.films.size);
  expect(store.films.size).toBeGreaterThan(120);
  expect(store.films.size).toBeLessThanOrEqual(120 + 16);
  const { counts: rest } = await importInto(store, lines(many));
  expect(rest).toMatchObject({ added: 250 - counts.added, unchanged: counts.added });
});

it('ends with what a store fails with, and puts nothing after it', async () => {
  const store = new MapStore();
  const put = store.put.bind(store);
  const failure = new CatalogueError('service_unavailable', 'gone');
  store.put = (one) => (store.puts === 20 ? Promise.reject(failure) : put(one));
  await expect(importInto(store, lines(many))).rejects.toBe(failure);
  const { puts } = store;
  expect(puts).toBeLessThanOrEqual(20 + 16);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(store.puts).toBe(puts);
});

it('ends with what its source fails with', async () => {
  const failure = new CatalogueError('catalogue_broken', 'here');
  async function* records(): AsyncGenerator<SourceRecord> {
    yield { at: 'line 1', value: film('1') };
    throw failure;
  }
  await expect(importInto(new MapStore(), records())).rejects.toBe(failure);
});

it('tells how far it is', async () => {
  const told: number[] = [];
  await importInto(new MapStore(), lines([film('1'), 7, film('3')]), {
    onProgress: ({ added, rejected }) => told.push(added + rejected),
  });
  expect(told).toEqual([1, 2, 3]);
});
