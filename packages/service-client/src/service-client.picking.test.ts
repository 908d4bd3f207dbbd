import { Scene, get } from './testing/scene';
import { answer } from './testing/origin';
import { seededRandom } from './testing/seeded-random';

it('reaches both of two instances by 20 calls one after the other', async () => {
  await using scene = await Scene.open(['a', 'b'], { random: seededRandom(1) });
  for (let i = 0; i < 20; i += 1) await scene.client.request(get);
  expect(Math.min(...scene.counts)).toBeGreaterThan(0);
});

it('comes back to an instance that was slow once', async () => {
  await using scene = await Scene.open(['a', 'b'], { random: seededRandom(2) });
  const { behaviour } = scene.origin('a');
  // Time passes while it answers: 15 ms, as a first call with all its set-up takes.
  scene.origin('a').behaviour = (request, response) => {
    void scene.clock.advance(15).then(() => {
      behaviour(request, response);
    });
  };
  while (scene.counts[0] === 0) await scene.client.request(get);
  scene.origin('a').behaviour = behaviour;
  for (let i = 0; i < 20; i += 1) await scene.client.request(get);
  expect(scene.counts[0]).toBeGreaterThan(1);
});

it('prefers the instance with fewer calls under way', async () => {
  await using scene = await Scene.open(['a', 'b']);
  scene.origin('a').behaviour = () => undefined;
  const hanging = scene.client.request(get);
  await scene.origin('a').asked(1);
  for (let i = 0; i < 5; i += 1) await scene.client.request(get);
  expect(scene.counts).toEqual([1, 5]);
  scene.origin('a').kill();
  await hanging;
});

it('sends a draining instance nothing while another is ready, and all when none is', async () => {
  await using scene = await Scene.open(['a', 'b'], { random: seededRandom(3) });
  scene.publish({ a: { state: 'draining' } });
  for (let i = 0; i < 10; i += 1) await scene.client.request(get);
  expect(scene.counts).toEqual([0, 10]);
  scene.publish({ a: { state: 'draining' }, b: { state: 'not_ready' } });
  await scene.client.request(get);
  expect(scene.counts).toEqual([1, 10]);
});

it('tries even an instance that is not ready rather than none', async () => {
  await using scene = await Scene.open(['a']);
  scene.publish({ a: { state: 'not_ready' } });
  expect((await scene.client.request(get)).status).toBe(200);
});

it('gives an instance of twice the weight twice the calls', async () => {
  await using scene = await Scene.open(['a', 'b'], { random: seededRandom(4) });
  scene.publish({ a: { weight: 2 } });
  for (let i = 0; i < 90; i += 1) await scene.client.request(get);
  const [a = 0, b = 0] = scene.counts;
  expect(a / b).toBeGreaterThan(1.7);
  expect(a / b).toBeLessThan(2.3);
});

it('keeps what it knows of an instance when the set changes around it', async () => {
  await using scene = await Scene.open(['a', 'b']);
  scene.origin('a').behaviour = answer(503);
  for (let i = 0; i < 5; i += 1) await scene.client.request(get);
  // The first draw is always `a`, and after a failure it costs more than `b`.
  const [asked] = scene.counts;
  scene.publish({ a: { labels: { version: '2' } } });
  for (let i = 0; i < 5; i += 1) await scene.client.request(get);
  expect(scene.counts[0]).toBe(asked);
});

it('asks the registry once, however many requests there are', async () => {
  await using scene = await Scene.open(['a']);
  const watch = jest.spyOn(scene.registry, 'watch');
  const discover = jest.spyOn(scene.registry, 'discover');
  for (let i = 0; i < 10; i += 1) await scene.client.request(get);
  expect([watch.mock.calls.length, discover.mock.calls.length]).toEqual([0, 0]);
});
