import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { openCatalogue } from './open-catalogue';

const notStopped = new AbortController().signal;
const nothing = Readable.from([]);

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'movies-catalogue-'));
});

afterAll(() => rm(folder, { recursive: true }));

async function text(chunks: AsyncIterable<Buffer>): Promise<string> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString();
}

it('opens a file, and knows its size and how much of it was read', async () => {
  const file = path.join(folder, 'films.jsonl');
  await writeFile(file, '{"id":"ä"}\n');
  const { chunks, size, position } = await openCatalogue(file, nothing, notStopped);
  expect([size, position()]).toEqual([12, 0]);
  expect(await text(chunks)).toBe('{"id":"ä"}\n');
  expect(position()).toBe(12);
});

it('opens standard input for -, of no known size', async () => {
  const input = Readable.from([Buffer.from('1\n'), Buffer.from('2\n')]);
  const { chunks, size } = await openCatalogue('-', input, notStopped);
  expect(size).toBeUndefined();
  expect(await text(chunks)).toBe('1\n2\n');
});

it('names a file that is not there, and one that is a folder', async () => {
  const missing = path.join(folder, 'missing');
  await expect(openCatalogue(missing, nothing, notStopped)).rejects.toThrow(
    `the catalogue ${missing} cannot be read: there is no such file`,
  );
  const { chunks } = await openCatalogue(folder, nothing, notStopped);
  await expect(text(chunks)).rejects.toMatchObject({ code: 'catalogue_unreadable' });
});

it('tells when standard input breaks', async () => {
  const input = new PassThrough();
  const { chunks } = await openCatalogue('-', input, notStopped);
  input.destroy(new Error('pulled out'));
  await expect(text(chunks)).rejects.toThrow('standard input cannot be read: pulled out');
});

it('ends when it is stopped, also where nothing comes', async () => {
  const stopping = new AbortController();
  const { chunks } = await openCatalogue('-', new PassThrough(), stopping.signal);
  const reading = text(chunks);
  stopping.abort();
  await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
});
