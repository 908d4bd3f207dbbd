import { once } from 'node:events';
import { formatCursor, type Metadata } from '@movies/api';
import type { RunningService } from '@movies/http-service';
import { answer, hang, Origin } from '@movies/service-client/testing';
import { startMovie } from './testing/start-movie';

const film = (id: string): Metadata => ({ id, title: 'Alien', description: '-', director: '-' });
const films = [film('1'), film('2'), film('3')];
const cursor = formatCursor({ titleKey: 'alien', id: '3' });
const list = (items: readonly unknown[], nextCursor: string | null = null) =>
  answer(200, { body: JSON.stringify({ items, nextCursor }) });

let metadata: Origin;
let rating: Origin;
let movie: RunningService;
let url: string;

beforeEach(async () => {
  metadata = await Origin.listen('metadata');
  rating = await Origin.listen('rating');
  metadata.behaviour = list(films, cursor);
  rating.behaviour = list([{ id: '3', rating: 4.5 }]);
  await start(500);
});

/** Starts movie, with this time for a request. */
async function start(requestTimeoutMs: number): Promise<void> {
  movie = await startMovie({ metadata, rating }, requestTimeoutMs);
  url = `http://127.0.0.1:${movie.port}/movies`;
}

afterEach(async () => {
  await movie.stop();
  await Promise.all([metadata.close(), rating.close()]);
});

const unrated = films.map((one) => ({ rating: null, metadata: one }));
const degraded = { items: unrated, nextCursor: cursor, degraded: ['rating'] };
const paths = ({ requests }: Origin) => requests.map((request) => request.url);

it('puts a rating to each movie of a page, by one call to each service', async () => {
  const response = await fetch(`${url}?q=ali&limit=3&cursor=${cursor}`);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({
    items: [unrated[0], unrated[1], { rating: 4.5, metadata: films[2] }],
    nextCursor: cursor,
  });
  expect(paths(metadata)).toEqual([`/metadata/search?q=ali&limit=3&cursor=${cursor}`]);
  expect(paths(rating)).toEqual(['/ratings?type=movie&ids=1,2,3']);
});

it('asks each service once for a page of a hundred, too', async () => {
  metadata.behaviour = list(Array.from({ length: 100 }, (_, i) => film(`vega-${i}`)));
  const response = await fetch(`${url}?limit=100`);
  expect(((await response.json()) as { items: unknown[] }).items).toHaveLength(100);
  expect([metadata.requests.length, rating.requests.length]).toEqual([1, 1]);
});

it('asks rating more than once only where the ids would make the path longer than 8 KiB', async () => {
  const ids = Array.from({ length: 40 }, (_, i) => `${i}`.padEnd(256, '-'));
  metadata.behaviour = list(ids.map(film));
  rating.behaviour = (request, response) => {
    const asked = new URL(request.url ?? '', url).searchParams.get('ids')?.split(',') ?? [];
    list(asked.map((id) => ({ id, rating: 1 + (Number.parseInt(id, 10) % 5) })))(request, response);
  };
  const { items } = (await (await fetch(`${url}?limit=40`)).json()) as { items: object[] };
  expect(items).toEqual(ids.map((id, i) => ({ rating: 1 + (i % 5), metadata: film(id) })));
  expect(paths(rating)).toHaveLength(2);
});

it('takes a page of a hundred movies that are as large as they may be', async () => {
  const largest = (i: number) => ({
    id: `${i}`.padEnd(256, '語'),
    title: '語'.repeat(500),
    description: '\u0001'.repeat(5000),
    director: '語'.repeat(500),
  });
  metadata.behaviour = list(Array.from({ length: 100 }, (_, i) => largest(i)));
  await movie.stop();
  await start(10_000);
  const response = await fetch(`${url}?limit=100`);
  expect(response.status).toBe(200);
  expect(((await response.json()) as { items: unknown[] }).items).toHaveLength(100);
});

it('asks rating for nothing where no movie is found', async () => {
  metadata.behaviour = list([]);
  expect(await (await fetch(`${url}?q=nobody`)).json()).toEqual({ items: [], nextCursor: null });
  expect(rating.requests).toHaveLength(0);
});

it('is degraded when rating is down', async () => {
  await rating.close();
  const response = await fetch(url);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual(degraded);
});

it.each([
  ['hangs', hang],
  ['answers 503', answer(503)],
  ['answers 404, as one that does not know the list yet', answer(404)],
  ['answers no list', answer(200, { body: '{"items":[{"id":"1"}]}' })],
  ['answers no JSON', answer(200, { body: '{' })],
])('is degraded when rating %s', async (_what, behaviour) => {
  rating.behaviour = behaviour;
  const response = await fetch(url);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual(degraded);
});

it('is 503 when metadata is down, names it, says when to ask again, and asks rating for nothing', async () => {
  await metadata.close();
  const response = await fetch(url);
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('1');
  expect(await response.json()).toMatchObject({
    code: 'upstream_unavailable',
    upstream: 'metadata',
  });
  expect(rating.requests).toHaveLength(0);
});

it.each([
  ['hangs', hang, 504, 'upstream_timeout'],
  ['answers 503', answer(503), 503, 'upstream_unavailable'],
  ['answers 404', answer(404), 502, 'upstream_bad_response'],
  ['answers no list', answer(200, { body: '{"items":[{}]}' }), 502, 'upstream_bad_response'],
])('is as GET /movie when metadata %s', async (_what, behaviour, status, code) => {
  metadata.behaviour = behaviour;
  const response = await fetch(url);
  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ code, upstream: 'metadata' });
});

it('names every fault of a query, and calls no service', async () => {
  const response = await fetch(`${url}?q=a&q=b&limit=0&cursor=x`);
  expect(response.status).toBe(400);
  const { errors } = (await response.json()) as { errors: { parameter: string }[] };
  expect(errors.map(({ parameter }) => parameter)).toEqual(['q', 'limit', 'cursor']);
  expect(metadata.requests).toHaveLength(0);
});

it('passes on what is left of the time, and less of it to rating', async () => {
  await fetch(url, { headers: { 'x-request-timeout-ms': '300' } });
  const forMetadata = Number(metadata.requests[0]?.headers['x-request-timeout-ms']);
  const forRating = Number(rating.requests[0]?.headers['x-request-timeout-ms']);
  expect(forMetadata).toBeGreaterThan(200);
  expect(forMetadata).toBeLessThanOrEqual(280);
  expect(forRating).toBeLessThanOrEqual(200);
});

it('does without ratings where less time is left than is kept back from them', async () => {
  const response = await fetch(url, { headers: { 'x-request-timeout-ms': '99' } });
  expect(await response.json()).toEqual(degraded);
  expect(rating.requests).toHaveLength(0);
});

it('gives up when the client is gone', async () => {
  await movie.stop();
  await start(600_000);
  rating.behaviour = hang;
  const client = new AbortController();
  const asked = fetch(url, { signal: client.signal }).catch(() => 'gone');
  await rating.asked(1);
  const closed = rating.requests.map(({ socket }) => once(socket, 'close'));
  client.abort();
  await Promise.all(closed);
  expect(await asked).toBe('gone');
});

it('names who served, and is the same for HEAD', async () => {
  const { headers } = await fetch(url, { method: 'HEAD' });
  expect(headers.get('x-upstreams')).toBe(`metadata=${metadata.id}, rating=${rating.id}`);
});
