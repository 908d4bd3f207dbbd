import { StaticRegistry } from '@movies/discovery/static';
import type { Attempt } from './attempt';
import { ServiceClient } from './service-client';
import { answer, Origin } from './testing/origin';
import { get, Scene } from './testing/scene';

async function callOneAfterTheOther(scene: Scene, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await scene.client.request(get);
}

test('an instance that refuses is asked once and set aside', async () => {
  await using scene = await Scene.open(['a', 'b']);
  scene.origin('a').kill();
  await callOneAfterTheOther(scene, 10);
  expect(scene.story.filter((attempt) => attempt === 'a refused')).toHaveLength(1);
  expect(scene.client.ejected).toBe(1);
});

test('it is asked again after its second, by one call, and set aside for longer', async () => {
  await using scene = await Scene.open(['a', 'b']);
  scene.origin('a').kill();
  await callOneAfterTheOther(scene, 10);
  await scene.clock.advance(1200);
  await callOneAfterTheOther(scene, 10);
  expect(scene.story.filter((attempt) => attempt === 'a refused')).toHaveLength(2);
  await scene.clock.advance(1200);
  expect(scene.client.ejected).toBe(1);
});

test('it is used again once it answers', async () => {
  await using scene = await Scene.open(['a', 'b']);
  const a = scene.origin('a');
  a.behaviour = answer(503);
  await callOneAfterTheOther(scene, 300);
  expect(scene.client.ejected).toBe(1);
  a.behaviour = answer(200);
  await scene.clock.advance(36_000);
  const before = a.requests.length;
  await callOneAfterTheOther(scene, 20);
  expect(a.requests.length - before).toBe(10);
});

test('503 counts: five in a row set it aside', async () => {
  await using scene = await Scene.open(['a', 'b']);
  const a = scene.origin('a');
  a.behaviour = answer(503);
  await callOneAfterTheOther(scene, 500);
  expect([a.requests.length, scene.client.ejected]).toEqual([5, 1]);
});

test('an instance that asks to be spared is spared for so long, and not ejected', async () => {
  await using scene = await Scene.open(['a', 'b']);
  const a = scene.origin('a');
  a.behaviour = answer(503, { headers: { 'retry-after': '1' } });
  await callOneAfterTheOther(scene, 500);
  expect([a.requests.length, scene.client.ejected]).toEqual([1, 0]);
  await scene.clock.advance(1000);
  await callOneAfterTheOther(scene, 10);
  expect(a.requests.length).toBe(2);
});

test('429 is asked less often, and not ejected', async () => {
  await using scene = await Scene.open(['a', 'b']);
  const a = scene.origin('a');
  a.behaviour = answer(429);
  await callOneAfterTheOther(scene, 500);
  expect(scene.client.ejected).toBe(0);
  expect(a.requests.length).toBeGreaterThan(5);
  expect(a.requests.length).toBeLessThan(25);
});

test('with two of three gone no caller sees an error', async () => {
  await using scene = await Scene.open(['a', 'b', 'c']);
  for (const id of ['a', 'b']) scene.origin(id).kill();
  await callOneAfterTheOther(scene, 500);
  expect(scene.origin('c').requests).toHaveLength(500);
});

describe('one of ten killed under 500 requests, with the set unchanged', () => {
  async function open() {
    const ids = Array.from({ length: 10 }, (_, i) => `origin-${i}`);
    const origins = await Promise.all(ids.map((id) => Origin.listen(id)));
    const registry = new StaticRegistry({ movies: origins.map((origin) => origin.instance()) });
    const failures: Attempt[] = [];
    const client = new ServiceClient({
      service: 'movies',
      registry,
      onAttempt: (attempt) => {
        if (attempt.outcome !== 'ok') failures.push(attempt);
      },
    });
    const [victim] = origins;
    return {
      client,
      failures,
      kill: () => victim?.kill(),
      [Symbol.asyncDispose]: async () => {
        await client.close();
        await Promise.all(origins.map((origin) => origin.close()));
        await registry.close();
      },
    };
  }

  /** Attempts on it before it was set aside, and one probe for each time it came back. */
  function expectFew(failures: readonly Attempt[], startedAt: number): void {
    const probes = Math.floor((performance.now() - startedAt) / 800);
    expect(failures.length).toBeLessThanOrEqual(5 + probes);
    expect(failures.length).toBeGreaterThanOrEqual(1);
  }

  test('one after the other: no error, and at most five failed attempts', async () => {
    await using world = await open();
    const { client, failures, kill } = world;
    for (let i = 0; i < 250; i++) await client.request(get);
    const startedAt = performance.now();
    kill();
    for (let i = 0; i < 250; i++) expect((await client.request(get)).status).toBe(200);
    expectFew(failures, startedAt);
  });

  test('ten at a time: no error, and at most five failed attempts', async () => {
    await using world = await open();
    const { client, failures, kill } = world;
    let left = 500;
    let startedAt = 0;
    const work = async () => {
      while (left > 0) {
        left -= 1;
        if (left === 250) {
          startedAt = performance.now();
          kill();
        }
        expect((await client.request(get)).status).toBe(200);
      }
    };
    await Promise.all(Array.from({ length: 10 }, work));
    expectFew(failures, startedAt);
  });
});
