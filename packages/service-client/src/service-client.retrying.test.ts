import { answer, Origin, reset } from './testing/origin';
import { get, post, Scene } from './testing/scene';
import { seededRandom } from './testing/seeded-random';
import { UpstreamError } from './upstream-error';

async function errorOf(promise: Promise<unknown>): Promise<UpstreamError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof UpstreamError) return error;
  throw new Error('it did not reject with an UpstreamError', { cause: error });
}

it.each([
  ['GET', get],
  ['POST', post],
])('sends a %s elsewhere when the connection is refused', async (_method, request) => {
  await using scene = await Scene.open(['a', 'b']);
  scene.origin('a').kill();
  const response = await scene.client.request(request);
  expect([response.status, response.instance.id]).toEqual([200, 'b']);
  expect(scene.story).toEqual(['a refused', 'b ok']);
  expect(response.attempts.map(({ outcome }) => outcome)).toEqual(['refused', 'ok']);
});

it('sends a GET elsewhere when the connection breaks before an answer', async () => {
  await using scene = await Scene.open(['a', 'b']);
  scene.origin('a').behaviour = reset;
  expect((await scene.client.request(get)).instance.id).toBe('b');
  expect(scene.story).toEqual(['a reset', 'b ok']);
});

it('does not send a POST twice once it has left', async () => {
  await using scene = await Scene.open(['a', 'b']);
  scene.origin('a').behaviour = reset;
  const error = await errorOf(scene.client.request(post));
  expect(error.code).toBe('upstream_unavailable');
  expect(scene.counts).toEqual([1, 0]);
});

it('asks the only instance again when a kept connection breaks', async () => {
  await using scene = await Scene.open(['a']);
  const { behaviour } = scene.origin('a');
  scene.origin('a').behaviour = (request, response) => {
    scene.origin('a').behaviour = behaviour;
    reset(request, response);
  };
  expect((await scene.client.request(get)).status).toBe(200);
  expect(scene.story).toEqual(['a reset', 'a ok']);
});

it.each([502, 503, 504])('sends a GET elsewhere after %d', async (status) => {
  await using scene = await Scene.open(['a', 'b']);
  scene.origin('a').behaviour = answer(status);
  expect((await scene.client.request(get)).status).toBe(200);
  expect(scene.story).toEqual(['a unavailable', 'b ok']);
});

it('sends a GET elsewhere after 503 with Retry-After, and does not hold it against the instance', async () => {
  await using scene = await Scene.open(['a', 'b']);
  scene.origin('a').behaviour = answer(503, { headers: { 'retry-after': '1' } });
  for (let i = 0; i < 12; i += 1) await scene.client.request(get);
  expect(scene.story).toContain('a overloaded');
  expect(scene.client.ejected).toBe(0);
});

it.each([200, 204, 400, 404, 500])('takes %d for an answer', async (status) => {
  await using scene = await Scene.open(['a', 'b']);
  scene.origin('a').behaviour = answer(status, { body: '' });
  expect((await scene.client.request(get)).status).toBe(status);
  expect(scene.story).toEqual(['a ok']);
});

it('gives the last answer when every instance answers 503', async () => {
  await using scene = await Scene.open(['a', 'b', 'c', 'd'], { random: seededRandom(1) });
  for (const id of ['a', 'b', 'c', 'd']) scene.origin(id).behaviour = answer(503);
  const response = await scene.settled(scene.client.request(get));
  expect(response.status).toBe(503);
  expect(response.attempts).toHaveLength(3);
  expect(new Set(response.attempts.map(({ instance }) => instance.id)).size).toBe(3);
});

it('says in the error what each attempt came to', async () => {
  await using scene = await Scene.open(['a', 'b']);
  scene.origin('a').kill();
  scene.origin('b').kill();
  const error = await errorOf(scene.client.request(get));
  expect(error).toMatchObject({ code: 'upstream_unavailable', service: 'movies' });
  expect(error.attempts.map(({ instance, outcome }) => [instance.id, outcome])).toEqual([
    ['a', 'refused'],
    ['b', 'refused'],
  ]);
  expect(error.message).toMatch(/^movies: no instance could be reached \[a refused after \d+ ms: /);
});

it('counts the attempts before in a header', async () => {
  await using scene = await Scene.open(['a', 'b']);
  scene.origin('a').behaviour = answer(503);
  await scene.client.request(get);
  expect(scene.origin('a').header('x-retry-attempt')).toEqual([undefined]);
  expect(scene.origin('b').header('x-retry-attempt')).toEqual(['1']);
});

it('does not retry a retry that was sent, but one that was refused', async () => {
  await using scene = await Scene.open(['a', 'b']);
  scene.origin('a').behaviour = answer(503);
  expect((await scene.client.request({ ...get, isRetry: true })).status).toBe(503);
  expect(scene.origin('a').header('x-retry-attempt')).toEqual(['1']);
  expect(scene.counts).toEqual([1, 0]);
  scene.origin('a').kill();
  await scene.origin('a').deserted();
  expect((await scene.client.request({ ...get, isRetry: true })).instance.id).toBe('b');
});

it('sends no more retries than the budget has', async () => {
  await using scene = await Scene.open(['a', 'b']);
  scene.origin('a').behaviour = answer(503, { headers: { 'retry-after': '1' } });
  scene.origin('b').behaviour = scene.origin('a').behaviour;
  const requests = 300;
  for (let i = 0; i < requests; i += 1) await scene.client.request(get);
  // Time stands still: 20 % of the requests, and what ten seconds at ten a second had saved up.
  expect(scene.attempts.length).toBeLessThanOrEqual(requests * 1.2 + 100);
  expect(scene.attempts.length).toBeGreaterThan(requests * 1.2);
});

it('fails no request when one of ten dies while the set stands still, and soon leaves it alone', async () => {
  const ids = Array.from({ length: 10 }, (_, i) => `i${i}`);
  await using scene = await Scene.open(ids, { random: seededRandom(5) });
  for (let i = 0; i < 100; i += 1) await scene.client.request(get);
  scene.origin('i3').kill();
  await scene.origin('i3').deserted();
  const before = scene.attempts.length;
  for (let i = 0; i < 400; i += 1) {
    expect((await scene.settled(scene.client.request(get))).status).toBe(200);
  }
  const failed = scene.attempts.slice(before).filter(({ outcome }) => outcome !== 'ok');
  expect(failed.length).toBeGreaterThan(0);
  expect(failed.length).toBeLessThanOrEqual(5);
});

it('speaks to an IPv6 address', async () => {
  await using scene = await Scene.open(['a']);
  const six = await Origin.listen('six', '::1');
  scene.registry.publish([six.instance()]);
  expect((await scene.client.request(get)).instance.host).toBe('::1');
  await six.close();
});

it('rejects an answer that is larger than allowed, and does not read it', async () => {
  await using scene = await Scene.open(['a'], { maxBodyBytes: 1000 });
  scene.origin('a').behaviour = answer(200, { body: 'x'.repeat(1001) });
  const error = await errorOf(scene.client.request(get));
  expect(error.code).toBe('upstream_bad_response');
  scene.origin('a').behaviour = answer(200, { body: 'x'.repeat(1000) });
  expect((await scene.client.request(get)).body).toHaveLength(1000);
});

it('rejects what is not HTTP', async () => {
  await using scene = await Scene.open(['a']);
  scene.origin('a').behaviour = ({ socket }) => socket.end('hello\r\n\r\n');
  expect((await errorOf(scene.client.request(get))).code).toBe('upstream_bad_response');
});
