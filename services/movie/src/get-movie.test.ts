import { once } from 'node:events';
import type { RunningService } from '@movies/http-service';
import { answer, hang, Origin } from '@movies/service-client/testing';
import { startMovie } from './testing/start-movie';

const film = { id: '1', title: 'Metropolis', description: 'A city.', director: 'Fritz Lang' };
const requestTimeoutMs = 500;

let metadata: Origin;
let rating: Origin;
let movie: RunningService;
let url: string;

beforeEach(async () => {
  metadata = await Origin.listen('metadata');
  rating = await Origin.listen('rating');
  metadata.behaviour = answer(200, { body: JSON.stringify(film) });
  rating.behaviour = answer(200, { body: '4.5' });
  await start(requestTimeoutMs);
});

/** Starts movie, with this time for a request. */
async function start(timeoutMs: number): Promise<void> {
  movie = await startMovie({ metadata, rating }, timeoutMs);
  url = `http://127.0.0.1:${movie.port}/movie?id=1`;
}

/** So long that a call which ends before the test does was ended by something else. */
async function restartWithoutTimeLimit(): Promise<void> {
  await movie.stop();
  await start(600_000);
}

afterEach(async () => {
  await movie.stop();
  await Promise.all([metadata.close(), rating.close()]);
});

const degraded = { rating: null, metadata: film, degraded: ['rating'] };

it('puts metadata and rating together', async () => {
  const response = await fetch(url);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ rating: 4.5, metadata: film });
});

it('asks both at the same time', async () => {
  const [answerMetadata, answerRating] = [metadata.behaviour, rating.behaviour];
  // Neither answers before both have been asked.
  const both = Promise.all([metadata.asked(1), rating.asked(1)]);
  metadata.behaviour = (request, response) =>
    void both.then(() => {
      answerMetadata(request, response);
    });
  rating.behaviour = (request, response) =>
    void both.then(() => {
      answerRating(request, response);
    });
  expect(await (await fetch(url)).json()).toEqual({ rating: 4.5, metadata: film });
});

it('has no rating where there is no vote, and is not degraded by that', async () => {
  rating.behaviour = answer(404);
  expect(await (await fetch(url)).json()).toEqual({ rating: null, metadata: film });
});

it('is degraded when rating is down', async () => {
  await rating.close();
  const response = await fetch(url);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual(degraded);
});

it.each([
  ['hangs', hang],
  ['answers 500', answer(500)],
  ['answers no number', answer(200, { body: '"five"' })],
  ['answers no JSON', answer(200, { body: '{' })],
])('is degraded when rating %s', async (_what, behaviour) => {
  rating.behaviour = behaviour;
  const response = await fetch(url);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual(degraded);
});

it('is 404 for a movie that metadata does not know', async () => {
  metadata.behaviour = answer(404);
  const response = await fetch(url);
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ code: 'not_found' });
});

it('is 400 without an id, and calls no service', async () => {
  const response = await fetch(url.replace('?id=1', ''));
  expect(response.status).toBe(400);
  expect(metadata.requests).toHaveLength(0);
});

it('is 503 when metadata is down, names it, and says when to ask again', async () => {
  await metadata.close();
  const response = await fetch(url);
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('1');
  expect(await response.json()).toMatchObject({
    code: 'upstream_unavailable',
    upstream: 'metadata',
  });
});

it('is 504 when metadata hangs', async () => {
  metadata.behaviour = hang;
  const response = await fetch(url);
  expect(response.status).toBe(504);
  expect(await response.json()).toMatchObject({ code: 'upstream_timeout', upstream: 'metadata' });
});

it('is 502 when the answer of metadata cannot be used', async () => {
  metadata.behaviour = answer(200, { body: '{"id":"1"}' });
  const response = await fetch(url);
  expect(response.status).toBe(502);
  expect(await response.json()).toMatchObject({ code: 'upstream_bad_response' });
});

it.each([
  ['cannot serve now', 503, 503, 'upstream_unavailable'],
  ['has too many requests', 429, 503, 'upstream_overloaded'],
  ['was too slow itself', 504, 504, 'upstream_timeout'],
  ['fails', 500, 502, 'upstream_bad_response'],
])('when metadata says that it %s (%i), is %i', async (_what, says, status, code) => {
  metadata.behaviour = answer(says);
  const response = await fetch(url);
  expect(response.status).toBe(status);
  expect(response.headers.get('retry-after')).toBe(status === 503 ? '1' : null);
  expect(await response.json()).toMatchObject({ code, upstream: 'metadata' });
});

it('gives up on rating when there is no metadata', async () => {
  await restartWithoutTimeLimit();
  rating.behaviour = hang;
  metadata.behaviour = answer(404);
  const asked = fetch(url);
  await rating.asked(1);
  const [request] = rating.requests;
  if (request !== undefined) await once(request.socket, 'close');
  expect((await asked).status).toBe(404);
});

it('keeps its connections to rating when there is no metadata', async () => {
  await restartWithoutTimeLimit();
  metadata.behaviour = answer(404);
  rating.behaviour = (request, response) => {
    setTimeout(() => {
      answer(404)(request, response);
    }, 5);
  };
  for (let i = 0; i < 10; i++) {
    expect((await fetch(url)).status).toBe(404);
    await rating.asked(i + 1);
  }
  // A call whose answer is of no use ends by itself. The next call may come before that, and then takes another connection.
  const connections = new Set(rating.requests.map(({ socket }) => socket));
  expect(connections.size).toBeLessThan(6);
});

it('gives up on both when the client is gone', async () => {
  await restartWithoutTimeLimit();
  metadata.behaviour = hang;
  rating.behaviour = hang;
  const client = new AbortController();
  const asked = fetch(url, { signal: client.signal }).catch(() => 'gone');
  await Promise.all([metadata.asked(1), rating.asked(1)]);
  const sockets = [...metadata.requests, ...rating.requests].map(({ socket }) =>
    once(socket, 'close'),
  );
  client.abort();
  await Promise.all(sockets);
  expect(await asked).toBe('gone');
});

it('passes on what is left of the time, lowered, and less of it to rating', async () => {
  await fetch(url, { headers: { 'x-request-timeout-ms': '300' } });
  const forMetadata = Number(metadata.requests[0]?.headers['x-request-timeout-ms']);
  const forRating = Number(rating.requests[0]?.headers['x-request-timeout-ms']);
  expect(forMetadata).toBeGreaterThan(200);
  expect(forMetadata).toBeLessThanOrEqual(280);
  expect(forRating).toBeLessThanOrEqual(200);
});

it('does not let a caller have more time than there is', async () => {
  await fetch(url, { headers: { 'x-request-timeout-ms': '60000' } });
  const passedOn = Number(metadata.requests[0]?.headers['x-request-timeout-ms']);
  expect(passedOn).toBeLessThanOrEqual(requestTimeoutMs);
});

it('is 504 at once where no time was left, and calls no service', async () => {
  const response = await fetch(url, { headers: { 'x-request-timeout-ms': '0' } });
  expect(response.status).toBe(504);
  expect(await response.json()).toMatchObject({ code: 'deadline_exceeded' });
  expect(metadata.requests).toHaveLength(0);
});

it('does not retry what is a retry itself', async () => {
  metadata.behaviour = answer(502);
  await fetch(url, { headers: { 'x-retry-attempt': '1' } });
  expect(metadata.requests).toHaveLength(1);
});

it('passes on the request id and the trace', async () => {
  const headers = { 'x-request-id': 'abc-1', traceparent: '00-11-22-01', tracestate: 'a=b' };
  const response = await fetch(url, { headers });
  expect(response.headers.get('x-request-id')).toBe('abc-1');
  expect(metadata.requests[0]?.headers).toMatchObject(headers);
  expect(rating.requests[0]?.headers).toMatchObject(headers);
});

it('names who served, by their own word or else by the id of the instance', async () => {
  const answer = metadata.behaviour;
  metadata.behaviour = (request, response) => {
    response.setHeader('x-served-by', 'metadata-one');
    answer(request, response);
  };
  const { headers } = await fetch(url);
  expect(headers.get('x-upstreams')).toBe(`metadata=metadata-one, rating=${rating.id}`);
  expect(headers.get('x-served-by')).toBe(movie.instanceId);
});
