import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { ClientEvents, eventChannelName } from './client-events';
import { answer, hang } from './testing/origin';
import { get, Scene } from './testing/scene';

describe('the events of a client', () => {
  test('are the last 200, oldest first', () => {
    let now = 0;
    const events = new ClientEvents('movies', () => (now += 1));
    expect(events.all).toEqual([]);
    for (let i = 0; i < 250; i++) events.note({ kind: 'joined', instance: `i${i}`, cause: 'new' });
    expect(events.all).toHaveLength(200);
    expect(events.all[0]).toEqual({ at: 51, kind: 'joined', instance: 'i50', cause: 'new' });
    expect(events.all.at(-1)).toEqual({ at: 250, kind: 'joined', instance: 'i249', cause: 'new' });
  });

  test('are heard on the diagnostics channel, with the service', () => {
    const heard: unknown[] = [];
    const listener = (event: unknown) => heard.push(event);
    subscribe(eventChannelName, listener);
    const events = new ClientEvents('movies', () => 5);
    events.note({ kind: 'left', instance: 'a', cause: 'not in the set any more' });
    unsubscribe(eventChannelName, listener);
    events.note({ kind: 'joined', instance: 'a', cause: 'back in the set' });
    expect(heard).toEqual([
      { service: 'movies', at: 5, kind: 'left', instance: 'a', cause: 'not in the set any more' },
    ]);
  });
});

/** The events so far as `kind instance: cause`, without those of the first set. */
function story(scene: Scene): string[] {
  return scene.client
    .explain()
    .events.map(({ kind, instance, cause }) => `${kind} ${instance ?? ''}: ${cause}`)
    .filter((event) => !event.endsWith('new in the set'));
}

describe('what a client explains', () => {
  test('is each instance as it is used now', async () => {
    await using scene = await Scene.open(['a', 'b', 'c']);
    scene.publish({ b: { weight: 3 }, c: { state: 'draining' } });
    scene.origin('b').kill();
    scene.origin('a').behaviour = (request, response) => {
      void scene.clock.advance(7).then(() => {
        answer(200)(request, response);
      });
    };
    const startedAt = scene.clock.now();
    while (scene.client.ejected === 0) await scene.client.request(get);
    const { service, view, hosts } = scene.client.explain();
    expect([service, view]).toEqual(['movies', 'known']);
    expect(hosts).toMatchObject([
      { instance: { id: 'a' }, state: 'ready', health: 'in', weight: 1, latencyMs: 7, inFlight: 0 },
      { instance: { id: 'b' }, state: 'ready', health: 'out', weight: 3, inFlight: 0 },
      { instance: { id: 'c' }, state: 'draining', health: 'in', weight: 1, inFlight: 0 },
    ]);
    const [a, b] = hosts;
    expect(a?.address).toBe(`127.0.0.1:${scene.origin('a').instance().port}`);
    expect(a?.score).toBeGreaterThan(0);
    expect(a).not.toHaveProperty('lastFailure');
    // The first ejection for a refused connection is 1 s ± 20 %, and this client draws 0.
    expect((b?.ejectedUntil ?? 0) - (b?.lastFailure?.at ?? 0)).toBe(800);
    expect(b?.lastFailure?.at).toBeGreaterThanOrEqual(startedAt);
    expect(b?.lastFailure?.what).toMatch(/^b refused after 0 ms: connect ECONNREFUSED/);
  });

  test('is a request under way', async () => {
    await using scene = await Scene.open(['a']);
    scene.origin('a').behaviour = hang;
    const settled = scene.client.request(get).catch(() => undefined);
    await scene.origin('a').asked(1);
    expect(scene.client.explain().hosts).toMatchObject([{ inFlight: 1 }]);
    await scene.client.close(0);
    await settled;
  });

  test('is that the set is not known', async () => {
    await using scene = await Scene.open(['a'], { published: false });
    expect(scene.client.explain()).toMatchObject({ view: 'unknown', hosts: [], events: [] });
  });

  test('is how the set changed', async () => {
    await using scene = await Scene.open(['a', 'b']);
    scene.publish({ a: { state: 'draining' } });
    scene.publish({ a: null });
    scene.publish();
    expect(story(scene)).toEqual([
      'state a: ready → draining',
      'left a: not in the set any more',
      'joined a: back in the set',
    ]);
  });

  test('is an ejection with its reason, the retry, and the return', async () => {
    await using scene = await Scene.open(['a', 'b']);
    scene.origin('a').behaviour = answer(503);
    while (scene.client.ejected === 0) await scene.client.request(get);
    scene.origin('a').behaviour = answer(200);
    await scene.clock.advance(36_000);
    for (let i = 0; i < 10; i++) await scene.client.request(get);
    const told = story(scene);
    expect(told.filter((event) => event === 'retry a: unavailable')).toHaveLength(5);
    expect(told.filter((event) => !event.startsWith('retry'))).toEqual([
      'ejected a: a unavailable (503) after 0 ms',
      'returned a: a request succeeded',
    ]);
  });

  test('is a second attempt, and a retry that the budget did not pay, each once', async () => {
    await using scene = await Scene.open(['a', 'b'], {
      retryBudget: { perRequest: 0, perSecond: 0.1 },
    });
    scene.origin('a').behaviour = hang;
    const response = scene.client.request(get);
    await scene.origin('a').asked(1);
    await scene.clock.advance(1000);
    await response;
    scene.origin('b').behaviour = hang;
    const rejected = expect(scene.client.request(get)).rejects.toThrow();
    await scene.origin('b').asked(2);
    await scene.clock.advance(2000);
    await rejected;
    expect(story(scene)).toEqual(['hedge a: late', 'no_budget b: late']);
  });
});
