import { getEventListeners } from 'node:events';
import { Deadline } from './deadline';
import { hang } from './testing/origin';
import { get, post, Scene } from './testing/scene';

const timeoutHeader = 'x-request-timeout-ms';

/** A scene where all hang; `moveOn` lets time pass once the given origin has been asked. */
async function openHanging(ids: readonly string[]) {
  const scene = await Scene.open(ids);
  for (const id of ids) scene.origin(id).behaviour = hang;
  const moveOn = async (id: string, ms: number) => {
    await scene.origin(id).asked(1);
    await scene.clock.advance(ms);
  };
  return { scene, moveOn, [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose]() };
}

test('after half of the time that is left another instance is asked beside a hanging one', async () => {
  await using scene = await Scene.open(['a', 'b']);
  scene.origin('a').behaviour = hang;
  const response = scene.client.request(get);
  await scene.origin('a').asked(1);
  await scene.clock.advance(1000);
  expect((await response).status).toBe(200);
  expect((await response).attempts).toMatchObject([
    { instance: { id: 'a' }, outcome: 'outrun', durationMs: 1000 },
    { instance: { id: 'b' }, outcome: 'ok', durationMs: 0 },
  ]);
});

test('an answer just before half of the time is over is good', async () => {
  await using scene = await Scene.open(['a', 'b']);
  scene.origin('a').behaviour = (_request, response) => {
    void scene.clock.advance(999).then(() => response.end());
  };
  await scene.client.request(get);
  expect(scene.story).toEqual(['a ok']);
});

test('no attempt is cut before the deadline, and there are three at most', async () => {
  await using world = await openHanging(['a', 'b', 'c', 'd']);
  const { scene, moveOn } = world;
  const rejected = expect(scene.client.request(get)).rejects.toMatchObject({
    code: 'upstream_timeout',
    attempts: [{ durationMs: 2000 }, { durationMs: 1000 }, { durationMs: 500 }],
  });
  await moveOn('a', 1000);
  await moveOn('b', 500);
  await moveOn('c', 500);
  await rejected;
});

test('where there is no other instance, the first attempt gets the whole time', async () => {
  await using world = await openHanging(['a']);
  const { scene, moveOn } = world;
  const rejected = expect(scene.client.request(get)).rejects.toMatchObject({
    code: 'upstream_timeout',
    attempts: [{ durationMs: 2000 }],
  });
  await moveOn('a', 2000);
  await rejected;
});

test.each([
  ['a POST', post],
  ['a request that is itself a retry', { ...get, isRetry: true }],
])('%s, which is not sent twice, gets the whole time at once', async (_name, request) => {
  await using world = await openHanging(['a', 'b']);
  const { scene, moveOn } = world;
  const rejected = expect(scene.client.request(request)).rejects.toMatchObject({
    code: 'upstream_timeout',
    attempts: [{ durationMs: 2000 }],
  });
  await moveOn('a', 2000);
  await rejected;
  expect(scene.counts).toEqual([1, 0]);
});

test('past the deadline the error tells each attempt with instance, outcome and time', async () => {
  await using world = await openHanging(['a', 'b']);
  const { scene, moveOn } = world;
  const rejected = expect(scene.client.request(get)).rejects.toMatchObject({
    code: 'upstream_timeout',
    service: 'movies',
    message:
      'movies: no response before the deadline [' +
      'a timeout after 2000 ms: no response before the deadline; ' +
      'b timeout after 1000 ms: no response before the deadline]',
    attempts: [
      { instance: { id: 'a' }, outcome: 'timeout', durationMs: 2000 },
      { instance: { id: 'b' }, outcome: 'timeout', durationMs: 1000 },
    ],
  });
  await moveOn('a', 1000);
  await moveOn('b', 1000);
  await rejected;
});

test('the limit covers the body too', async () => {
  await using scene = await Scene.open(['a']);
  scene.origin('a').behaviour = (_request, response) => {
    response.writeHead(200, { 'content-length': 10 });
    response.write('half');
  };
  const rejected = expect(scene.client.request(get)).rejects.toMatchObject({
    code: 'upstream_timeout',
  });
  await scene.origin('a').asked(1);
  await scene.clock.advance(2000);
  await rejected;
});

test('each attempt is told all that is left', async () => {
  await using world = await openHanging(['a', 'b', 'c']);
  const { scene, moveOn } = world;
  const settled = scene.client.request(get).catch(() => undefined);
  await moveOn('a', 1000);
  await moveOn('b', 500);
  await moveOn('c', 500);
  await settled;
  const told = ['a', 'b', 'c'].flatMap((id) => scene.origin(id).header(timeoutHeader));
  expect(told).toEqual(['2000', '1000', '500']);
});

test('what is told is a whole number, and no more than is left', async () => {
  await using scene = await Scene.open(['a'], { deadlineMs: 1234.9 });
  await scene.client.request(get);
  expect(scene.origin('a').header(timeoutHeader)).toEqual(['1234']);
});

test('a client that waits for ever tells no time', async () => {
  await using scene = await Scene.open(['a', 'b'], { deadlineMs: Infinity });
  await scene.client.request(get);
  expect(scene.origin('a').header(timeoutHeader)).toEqual([undefined]);
});

test('what the caller gives by other letters is not sent beside it', async () => {
  await using scene = await Scene.open(['a']);
  const headers = { 'X-Request-Timeout-Ms': '5000', 'X-Retry-Attempt': '7', 'x-other': '1' };
  await scene.client.request({ ...get, headers });
  const [request] = scene.origin('a').requests;
  expect(request?.headers).toMatchObject({ [timeoutHeader]: '2000', 'x-other': '1' });
  expect(request?.headers).not.toHaveProperty('x-retry-attempt');
});

test('a request may bring its own deadline', async () => {
  await using scene = await Scene.open(['a']);
  const deadline = Deadline.after(700, scene.clock);
  await scene.clock.advance(200);
  await scene.client.request({ ...get, deadline });
  expect(scene.origin('a').header(timeoutHeader)).toEqual(['500']);
});

test('once the deadline has passed nothing is sent', async () => {
  await using scene = await Scene.open(['a']);
  const deadline = Deadline.after(0, scene.clock);
  await expect(scene.client.request({ ...get, deadline })).rejects.toMatchObject({
    code: 'upstream_timeout',
    attempts: [],
  });
  expect(scene.counts).toEqual([0]);
});

describe('a caller that gives up', () => {
  test('ends the call, and the server sees its connection go', async () => {
    await using scene = await Scene.open(['a', 'b']);
    const a = scene.origin('a');
    a.behaviour = hang;
    const caller = new AbortController();
    const rejected = expect(
      scene.client.request({ ...get, signal: caller.signal }),
    ).rejects.toMatchObject({
      code: 'upstream_aborted',
      attempts: [{ instance: { id: 'a' }, outcome: 'aborted' }],
    });
    await a.asked(1);
    caller.abort();
    await rejected;
    await scene.clock.advance(50);
    await a.deserted();
    expect(scene.counts).toEqual([1, 0]);
  });

  test('is not listened to any more once the answer is there', async () => {
    await using scene = await Scene.open(['a', 'b']);
    scene.origin('a').kill();
    const { signal } = new AbortController();
    await scene.client.request({ ...get, signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('before anything was sent keeps it from being sent', async () => {
    await using scene = await Scene.open(['a']);
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(scene.client.request({ ...get, signal })).rejects.toMatchObject({
      code: 'upstream_aborted',
      cause: { message: 'too late' },
      attempts: [],
    });
    expect(scene.counts).toEqual([0]);
  });

  test('while the set is not known ends the wait', async () => {
    await using scene = await Scene.open(['a'], { published: false });
    const caller = new AbortController();
    const request = scene.client.request({ ...get, signal: caller.signal });
    caller.abort();
    await expect(request).rejects.toMatchObject({ code: 'upstream_aborted' });
    expect(scene.clock.pending).toBe(0);
  });

  test('between two attempts ends the wait for the second', async () => {
    const caller = new AbortController();
    await using scene = await Scene.open(['a', 'b'], {
      random: () => 0.4,
      onAttempt: () => {
        setImmediate(() => {
          caller.abort();
        });
      },
    });
    for (const id of ['a', 'b']) scene.origin(id).kill();
    await expect(scene.client.request({ ...get, signal: caller.signal })).rejects.toMatchObject({
      code: 'upstream_aborted',
      attempts: [{ outcome: 'refused' }],
    });
    expect(scene.clock.pending).toBe(0);
  });

  test('says nothing of the instance’s health', async () => {
    await using scene = await Scene.open(['a', 'b']);
    for (const id of ['a', 'b']) scene.origin(id).behaviour = hang;
    for (let i = 0; i < 20; i++) {
      const caller = new AbortController();
      const request = scene.client.request({ ...get, signal: caller.signal });
      caller.abort();
      await expect(request).rejects.toMatchObject({ code: 'upstream_aborted' });
    }
    expect(scene.client.ejected).toBe(0);
  });
});
