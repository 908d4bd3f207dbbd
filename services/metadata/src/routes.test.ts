import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { startService, type RunningService } from '@movies/http-service';
import { testConfig } from '@movies/http-service/testing';
import { createMetadataService } from './metadata-service';

const film = { id: '26', title: 'Alien', description: 'A ship.', director: 'Ridley Scott' };
const json = { 'content-type': 'application/json' };

let service: RunningService;
let url: string;

beforeAll(async () => {
  service = await startService(createMetadataService(), testConfig());
  url = `http://127.0.0.1:${service.port}/metadata`;
});

afterAll(() => service.stop());

const put = (
  id: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = json,
) => fetch(`${url}?id=${id}`, { method: 'PUT', body, headers });

it('answers with a movie as JSON', async () => {
  const response = await fetch(`${url}?id=1`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(Object.keys((await response.json()) as object)).toEqual([
    'id',
    'title',
    'description',
    'director',
  ]);
});

it('answers 404 for an unknown id, as a problem', async () => {
  const response = await fetch(`${url}?id=nobody`);
  expect(response.status).toBe(404);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(await response.json()).toEqual({
    type: 'about:blank',
    title: 'Not Found',
    status: 404,
    detail: "there is no movie 'nobody'",
    code: 'not_found',
    requestId: response.headers.get('x-request-id'),
  });
});

it.each(['', '?id=', '?id=1&id=2'])('answers 400 that names the id for %p', async (query) => {
  const response = await fetch(url + query);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    code: 'invalid_input',
    errors: [{ parameter: 'id' }],
  });
});

it('stores what is put, and answers 204', async () => {
  const response = await put('26', JSON.stringify(film));
  expect(response.status).toBe(204);
  expect(await (await fetch(`${url}?id=26`)).json()).toEqual(film);
});

it('names every fault of a body', async () => {
  const response = await put('26', JSON.stringify({ id: '26', title: '', year: 1979 }));
  expect(response.status).toBe(400);
  const { errors } = (await response.json()) as { errors: { parameter: string }[] };
  expect(errors.map(({ parameter }) => parameter).sort()).toEqual([
    'description',
    'director',
    'title',
    'year',
  ]);
});

it('refuses a body with another id', async () => {
  const response = await put('27', JSON.stringify(film));
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ errors: [{ parameter: 'id' }] });
});

it.each(['', '{', 'null', '[]', '7'])('answers 400 for the body %p', async (body) => {
  expect((await put('26', body)).status).toBe(400);
});

it('names the faults of the query and of the body in one answer', async () => {
  const response = await put('', JSON.stringify({ ...film, title: '' }));
  const { errors } = (await response.json()) as { errors: { parameter: string }[] };
  expect(errors.map(({ parameter }) => parameter)).toEqual(['id', 'title']);
});

it('answers 400 for a compressed body that is broken, and serves on', async () => {
  // Noise, so that there is something of the body to break behind the limit of what it inflates to.
  const noise = randomBytes(150_000).toString('base64');
  const whole = gzipSync(JSON.stringify({ ...film, description: noise }));
  const gzip = { ...json, 'content-encoding': 'gzip' };
  for (const small of [gzipSync(JSON.stringify(film)), gzipSync('{}')] as const) {
    const cutShort = new Uint8Array(small.subarray(0, small.length - 9));
    expect((await put('26', cutShort, gzip)).status).toBe(400);
  }
  expect((await put('26', '{}', gzip)).status).toBe(400);
  for (const at of [100, 50_000, 66_000, 90_000]) {
    const broken = Uint8Array.from(whole);
    broken.fill(0xff, at, at + 50);
    expect([400, 413]).toContain((await put('26', broken, gzip)).status);
  }
  expect((await fetch(`${url}?id=1`)).status).toBe(200);
});

it('answers 413 for a body over 64 KiB, compressed or not', async () => {
  const large = JSON.stringify({ ...film, description: 'x'.repeat(70_000) });
  expect((await put('26', large)).status).toBe(413);
  const compressed = new Uint8Array(gzipSync(large));
  expect((await put('26', compressed, { ...json, 'content-encoding': 'gzip' })).status).toBe(413);
});

it('answers 415 for a body that is not said to be JSON', async () => {
  expect((await put('26', 'id=26', { 'content-type': 'text/plain' })).status).toBe(415);
  expect((await put('26', '{}', { ...json, 'content-encoding': 'pigeon' })).status).toBe(415);
});

it('answers HEAD as GET, without the body', async () => {
  const head = await fetch(`${url}?id=1`, { method: 'HEAD' });
  expect(head.status).toBe(200);
  expect(Number(head.headers.get('content-length'))).toBeGreaterThan(0);
  expect(await head.text()).toBe('');
});
