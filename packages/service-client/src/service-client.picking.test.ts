import { createInstance } from '@movies/discovery';
import type { ManualClock } from '@movies/time/testing';
import { StaticRegistry } from '@movies/discovery/static';
import { ServiceClient } from './service-client';
import { answer, Origin } from './testing/origin';
import { get, Scene } from './testing/scene';
import { seededRandom } from './testing/seeded-random';

async function callOneAfterTheOther(scene: Scene, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await scene.client.request(get);
}

/** Answers once `clock` has moved on by `ms`, as if it had worked that long. */
function takes(clock: ManualClock, ms: number): Origin['behaviour'] {
  return (request, response) => {
    void clock.advance(ms).then(() => {
      answer(200)(request, response);
    });
  };
}

test('the answer is read whole and says who gave it, by which attempts', async () => {
  await using scene = await Scene.open(['a']);
  scene.origin('a').behaviour = answer(404, { headers: { 'x-served-by': 'a' }, body: '{}' });
  const response = await scene.client.request({ ...get, path: '/metadata?id=1' });
  expect(response).toMatchObject({
    status: 404,
    instance: { id: 'a' },
    attempts: [{ instance: { id: 'a' }, outcome: 'ok', status: 404, durationMs: 0 }],
  });
  expect([response.header('x-served-by'), response.json()]).toEqual(['a', {}]);
  expect(scene.origin('a').requests.map(({ url }) => url)).toEqual(['/metadata?id=1']);
});

test('headers and body are sent as given', async () => {
  await using scene = await Scene.open(['a']);
  const origin = scene.origin('a');
  origin.behaviour = (request, response) => {
    request.pipe(response);
  };
  const headers = { 'content-type': 'application/json', 'x-request-id': '7' };
  const response = await scene.client.request({
    method: 'PUT',
    path: '/',
    headers,
    body: '{"id":"1"}',
  });
  expect(response.json()).toEqual({ id: '1' });
  expect(origin.requests[0]?.headers).toMatchObject(headers);
});

test('20 calls one after the other reach both of two', async () => {
  await using scene = await Scene.open(['a', 'b']);
  await callOneAfterTheOther(scene, 20);
  expect(scene.counts).toEqual([10, 10]);
});

test.each([15, 30])(
  '20 calls one after the other reach both of two also after one was slow once, %i ms to 1 ms',
  async (slowMs) => {
    await using scene = await Scene.open(['a', 'b'], { random: seededRandom(1) });
    const [a, b] = [scene.origin('a'), scene.origin('b')];
    a.behaviour = takes(scene.clock, slowMs);
    b.behaviour = takes(scene.clock, 1);
    await callOneAfterTheOther(scene, 2);
    a.behaviour = takes(scene.clock, 1);
    const [before = 0] = scene.counts;
    await callOneAfterTheOther(scene, 20);
    expect(before).toBe(1);
    expect(scene.counts[0]).toBeGreaterThanOrEqual(2);
    expect(scene.counts[1]).toBeGreaterThanOrEqual(2);
  },
);

test('an instance with an IPv6 address is called', async () => {
  const origin = await Origin.listen('six', '::1');
  const registry = new StaticRegistry({ movies: [origin.instance()] });
  const client = new ServiceClient({ service: 'movies', registry });
  const response = await client.request(get);
  expect([response.status, response.instance.host]).toEqual([200, '::1']);
  await client.close();
  await Promise.all([registry.close(), origin.close()]);
});

test('a name of several addresses that all refuse is told by its code', async () => {
  await using scene = await Scene.open([]);
  const refusing = { id: 'a', service: 'movies', host: 'localhost', port: 1 };
  scene.registry.publish([createInstance(refusing)]);
  await expect(scene.client.request(get)).rejects.toThrow(/a refused after 0 ms: .*ECONNREFUSED/);
});

test('an instance that joins is called without delay', async () => {
  await using scene = await Scene.open(['a', 'b'], { published: false });
  scene.publish({ b: null });
  await callOneAfterTheOther(scene, 2);
  scene.publish();
  await callOneAfterTheOther(scene, 2);
  expect(scene.counts[1]).toBeGreaterThanOrEqual(1);
});

test('while the set is not known, a request waits for it', async () => {
  await using scene = await Scene.open(['a'], { published: false });
  const response = scene.client.request(get);
  await scene.clock.advance(1999);
  scene.publish();
  expect((await response).status).toBe(200);
});

test('a set that does not become known in time is unavailable, with the reason', async () => {
  await using scene = await Scene.open(['a'], { published: false });
  scene.registry.fail('the agent is away');
  const rejected = expect(scene.client.request(get)).rejects.toMatchObject({
    code: 'upstream_unavailable',
    message: 'movies: its instances are not known',
    cause: { message: expect.stringContaining('the agent is away') as string },
    attempts: [],
  });
  await scene.clock.advance(2000);
  await rejected;
});

test('a set that is known to be empty is unavailable at once', async () => {
  await using scene = await Scene.open([]);
  await expect(scene.client.request(get)).rejects.toMatchObject({
    code: 'upstream_unavailable',
    message: 'movies: no instance is registered',
    attempts: [],
  });
});

test('the last known set serves on while the registry fails', async () => {
  await using scene = await Scene.open(['a']);
  scene.registry.fail('the agent is away');
  expect((await scene.client.request(get)).status).toBe(200);
});

test('a request that no server could be sent is the caller’s fault, and no instance’s', async () => {
  await using scene = await Scene.open(['a', 'b']);
  const broken = { ...get, headers: { 'x-a': 'b\r\nc' } };
  await expect(scene.client.request(broken)).rejects.toThrow('invalid x-a header');
  expect([scene.story, scene.client.ejected]).toEqual([[], 0]);
  await callOneAfterTheOther(scene, 4);
  expect(scene.counts).toEqual([2, 2]);
});
