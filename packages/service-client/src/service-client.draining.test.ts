import { answer, hang, type Behaviour } from './testing/origin';
import { get, Scene } from './testing/scene';

async function callOneAfterTheOther(scene: Scene, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await scene.client.request(get);
}

/** Holds the answer back until `release` is called. */
function held(): { behaviour: Behaviour; release: () => void } {
  let release: () => void = () => undefined;
  const behaviour: Behaviour = (request, response) => {
    release = () => {
      answer(200)(request, response);
    };
  };
  return {
    behaviour,
    release: () => {
      release();
    },
  };
}

describe('an instance that drains', () => {
  test('gets nothing new while another is ready', async () => {
    await using scene = await Scene.open(['a', 'b']);
    await callOneAfterTheOther(scene, 2);
    scene.publish({ a: { state: 'draining' } });
    await callOneAfterTheOther(scene, 10);
    expect(scene.counts).toEqual([1, 11]);
  });

  test('is asked when none is ready', async () => {
    await using scene = await Scene.open(['a', 'b']);
    scene.publish({ a: { state: 'draining' }, b: { state: 'not_ready' } });
    expect((await scene.client.request(get)).instance.id).toBe('a');
  });

  test('finishes the call under way', async () => {
    await using scene = await Scene.open(['a', 'b']);
    const { behaviour, release } = held();
    scene.origin('a').behaviour = behaviour;
    const response = scene.client.request(get);
    await scene.origin('a').asked(1);
    scene.publish({ a: { state: 'draining' } });
    release();
    expect((await response).instance.id).toBe('a');
  });
});

describe('an instance that is gone', () => {
  test('finishes the call under way, and then its connection ends', async () => {
    await using scene = await Scene.open(['a', 'b']);
    const a = scene.origin('a');
    const { behaviour, release } = held();
    a.behaviour = behaviour;
    const response = scene.client.request(get);
    await a.asked(1);
    scene.publish({ a: null });
    expect((await scene.client.request(get)).instance.id).toBe('b');
    release();
    expect(await response).toMatchObject({ status: 200, instance: { id: 'a' } });
    await a.deserted();
  });

  test('has no connection any more if it had nothing to do', async () => {
    await using scene = await Scene.open(['a', 'b']);
    await callOneAfterTheOther(scene, 2);
    scene.publish({ a: null });
    await scene.origin('a').deserted();
    expect(scene.counts).toEqual([1, 1]);
  });

  test('while a retry waits is not what that is sent to', async () => {
    await using scene = await Scene.open(['a', 'b', 'c'], { random: () => 0.1 });
    for (const id of ['a', 'b', 'c']) scene.origin(id).behaviour = answer(503);
    const response = scene.client.request(get);
    await scene.attempted(1);
    scene.publish({ b: null });
    scene.origin('c').behaviour = answer(200);
    await scene.clock.advance(25);
    expect((await response).instance.id).toBe('c');
    expect(scene.origin('b').requests).toHaveLength(0);
  });
});

describe('a client that is closed', () => {
  test('leaves no connection and no timer', async () => {
    await using scene = await Scene.open(['a', 'b']);
    await callOneAfterTheOther(scene, 4);
    await scene.client.close();
    await Promise.all([scene.origin('a').deserted(), scene.origin('b').deserted()]);
    expect(scene.clock.pending).toBe(0);
  });

  test('may be closed twice', async () => {
    await using scene = await Scene.open(['a']);
    await Promise.all([scene.client.close(), scene.client.close()]);
    await scene.client.close();
  });

  test('takes no more requests', async () => {
    await using scene = await Scene.open(['a']);
    await scene.client.close();
    await expect(scene.client.request(get)).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: 'movies: this client is closed',
    });
    expect(scene.counts).toEqual([0]);
  });

  test('hears nothing more of the set, not even in the same turn', async () => {
    await using scene = await Scene.open(['a']);
    const closed = scene.client.close();
    scene.publish({ a: { weight: 2 } });
    await expect(scene.client.request(get)).rejects.toMatchObject({
      code: 'upstream_unavailable',
    });
    await closed;
  });

  test('lets a call under way finish first', async () => {
    await using scene = await Scene.open(['a']);
    const a = scene.origin('a');
    const { behaviour, release } = held();
    a.behaviour = behaviour;
    const response = scene.client.request(get);
    await a.asked(1);
    const closed = scene.client.close();
    release();
    expect((await response).status).toBe(200);
    await closed;
    await a.deserted();
  });

  test('ends what takes longer than its limit, also what waits for a connection', async () => {
    await using scene = await Scene.open(['a'], { maxConnections: 1 });
    const a = scene.origin('a');
    a.behaviour = hang;
    const both = [scene.client.request(get), scene.client.request(get)];
    const rejected = Promise.all(
      both.map((request) =>
        expect(request).rejects.toMatchObject({ code: 'upstream_unavailable' }),
      ),
    );
    await a.asked(1);
    const closed = scene.client.close(500);
    await scene.clock.advance(500);
    await Promise.all([closed, rejected, a.deserted()]);
    expect(scene.clock.pending).toBe(0);
  });

  test('ends a wait for the first set', async () => {
    await using scene = await Scene.open(['a'], { published: false });
    const rejected = expect(scene.client.request(get)).rejects.toMatchObject({
      code: 'upstream_unavailable',
    });
    await scene.client.close();
    await rejected;
    expect(scene.clock.pending).toBe(0);
  });

  test('ends a wait before a retry', async () => {
    await using scene = await Scene.open(['a', 'b'], { random: () => 0.4 });
    for (const id of ['a', 'b']) scene.origin(id).kill();
    const rejected = expect(scene.client.request(get)).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: expect.stringContaining('this client is closed') as string,
      attempts: [{ outcome: 'refused' }],
    });
    await scene.attempted(1);
    await scene.client.close();
    await rejected;
    expect(scene.clock.pending).toBe(0);
  });
});
