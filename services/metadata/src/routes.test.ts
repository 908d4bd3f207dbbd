import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { metadataListSchema, metadataPaths, type List, type Metadata } from '@movies/api';
import { startService, type RunningService } from '@movies/http-service';
import { testConfig } from '@movies/http-service/testing';
import { createMetadataService } from './metadata-service';
import { titleKey } from './title-key';

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

it('takes a body without the id, which the query has', async () => {
  const { id, ...rest } = { ...film, id: '28' };
  expect((await put(id, JSON.stringify(rest))).status).toBe(204);
  expect(await (await fetch(`${url}?id=${id}`)).json()).toEqual({ id, ...rest });
});

it('refuses a body with another id', async () => {
  const response = await put('27', JSON.stringify(film));
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    detail: "id is '26' in the body but '27' in the query",
    errors: [{ parameter: 'id' }],
  });
});

it.each(['', null, 26, 'a\0b'])('refuses a body with the id %j', async (id) => {
  const response = await put('26', JSON.stringify({ ...film, id }));
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ errors: [{ parameter: 'id' }] });
});

it.each(['', '?id=', '?id=1&id=2'])(
  'needs the id in the query, also with one in the body: %p',
  async (query) => {
    const response = await fetch(url + query, {
      method: 'PUT',
      headers: json,
      body: JSON.stringify(film),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ parameter: 'id' }] });
  },
);

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

describe('several at once', () => {
  const ids = async (query: string) => {
    const response = await fetch(`${url}?${query}`);
    expect(response.status).toBe(200);
    const { items, nextCursor } = (await response.json()) as List<Metadata>;
    expect(nextCursor).toBeNull();
    return items.map(({ id }) => id);
  };

  it('are those that are known, in the order asked for, each once', async () => {
    expect(await ids('ids=3,nobody,1,3,2')).toEqual(['3', '1', '2']);
    expect(await ids('ids=nobody')).toEqual([]);
  });

  it('may have ids with commas and percent signs, percent-encoded once more', async () => {
    for (const id of ['a,b', '50%']) {
      const body = JSON.stringify({ ...film, id });
      expect((await put(encodeURIComponent(id), body)).status).toBe(204);
    }
    const [path = ''] = metadataPaths(['50%', '1', 'a,b']);
    expect(await ids(new URL(path, url).search.slice(1))).toEqual(['50%', '1', 'a,b']);
  });

  it.each([
    ['id=1&ids=2', ['id']],
    ['ids=', ['ids']],
    ['ids=1&ids=2', ['ids']],
    ['ids=1,,2,50%25', ['ids', 'ids']],
    [`ids=${Array.from({ length: 101 }, (_, i) => i).join()}`, ['ids']],
  ])('are 400 for %s, with every fault named', async (query, parameters) => {
    const response = await fetch(`${url}?${query}`);
    expect(response.status).toBe(400);
    const { errors } = (await response.json()) as { errors: { parameter: string }[] };
    expect(errors.map(({ parameter }) => parameter)).toEqual(parameters);
  });
});

describe('a search', () => {
  const search = async (query: string) => {
    const response = await fetch(`${url}/search${query}`);
    expect(response.status).toBe(200);
    return metadataListSchema.parse(await response.json());
  };
  const titles = ({ items }: { items: Metadata[] }) => items.map(({ title }) => title);

  it('finds part of a title, however it is written', async () => {
    await put('27', JSON.stringify({ ...film, id: '27', title: 'Le Fabuleux Destin d’Amélie' }));
    expect(titles(await search('?q=DESTIN%20%20d’ame'))).toEqual(['Le Fabuleux Destin d’Amélie']);
    expect(await search('?q=nobody')).toEqual({ items: [], nextCursor: null });
  });

  it('pages through all films by title, 20 at a time, and the last page has no cursor', async () => {
    const first = await search('');
    expect(first.items).toHaveLength(20);
    const second = await search(`?cursor=${first.nextCursor ?? ''}`);
    expect(second.nextCursor).toBeNull();
    const all = await search('?limit=100');
    expect([...first.items, ...second.items]).toEqual(all.items);
    expect(titles(all)).toEqual(titles(all).toSorted((a, b) => compareKeys(a, b)));
  });

  it('says that there is no next page where the last one is full', async () => {
    const { items } = await search('?limit=100');
    expect((await search(`?limit=${items.length}`)).nextCursor).toBeNull();
    expect((await search(`?limit=${items.length - 1}`)).nextCursor).not.toBeNull();
  });

  it('is 400 with every fault named', async () => {
    const response = await fetch(`${url}/search?q=a&q=b&limit=101&cursor=x`);
    expect(response.status).toBe(400);
    const { errors } = (await response.json()) as { errors: { parameter: string }[] };
    expect(errors.map(({ parameter }) => parameter)).toEqual(['q', 'limit', 'cursor']);
  });

  it('is 405 with what is allowed for other methods', async () => {
    const response = await fetch(`${url}/search`, { method: 'PUT' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('HEAD, GET');
  });
});

function compareKeys(a: string, b: string): number {
  return titleKey(a) < titleKey(b) ? -1 : 1;
}
