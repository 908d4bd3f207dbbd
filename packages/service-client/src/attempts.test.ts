import { until } from '@movies/time/testing';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answer, hang, reset, type Origin } from './testing/origin';
import { get, post, Scene } from './testing/scene';

const keyed = { ...post, headers: { 'Idempotency-Key': 'k1' } } as const;
const put = { method: 'PUT', path: '/', body: '{}' } as const;

/** Takes one request of this origin, and answers when told to. */
function hold(origin: Origin): (status: number) => void {
  let held: [IncomingMessage, ServerResponse] | undefined;
  origin.behaviour = (request, response) => {
    held = [request, response];
  };
  return (status) => {
    if (held === undefined) throw new Error('was not asked');
    answer(status)(...held);
  };
}

function kinds(scene: Scene): string[] {
  return scene.client
    .explain()
    .events.map(({ kind }) => kind)
    .filter((kind) => kind !== 'joined');
}

describe('beside a late attempt', () => {
  test('another instance is asked, and the first good response wins, be it the first one’s', async () => {
    await using scene = await Scene.open(['a', 'b']);
    const [a, b] = [scene.origin('a'), scene.origin('b')];
    const [answerA] = [hold(a), hold(b)];
    const response = scene.client.request(get);
    await a.asked(1);
    await scene.clock.advance(1000);
    await b.asked(1);
    answerA(200);
    expect(await response).toMatchObject({
      status: 200,
      instance: { id: 'a' },
      attempts: [{ outcome: 'ok' }, { instance: { id: 'b' }, outcome: 'outrun' }],
    });
    expect(kinds(scene)).toEqual(['hedge']);
  });

  test('the response of an instance that fails is not waited for, and ends nothing', async () => {
    await using scene = await Scene.open(['a', 'b']);
    const a = scene.origin('a');
    const answerA = hold(a);
    scene.origin('b').behaviour = answer(503);
    const response = scene.client.request(get);
    await a.asked(1);
    await scene.clock.advance(1000);
    await scene.attempted(1);
    answerA(200);
    expect((await response).instance.id).toBe('a');
    expect(scene.story).toEqual(['b unavailable', 'a ok']);
  });

  test.each([500, 501])(
    'nor is %i of the second one, which would end a lone attempt',
    async (status) => {
      await using scene = await Scene.open(['a', 'b']);
      const a = scene.origin('a');
      const answerA = hold(a);
      scene.origin('b').behaviour = answer(status);
      const response = scene.client.request(get);
      await a.asked(1);
      await scene.clock.advance(1000);
      await scene.attempted(1);
      answerA(200);
      expect(await response).toMatchObject({ status: 200, instance: { id: 'a' } });
    },
  );

  test('but it is what the request gets when the first one stays silent', async () => {
    await using scene = await Scene.open(['a', 'b']);
    scene.origin('a').behaviour = hang;
    scene.origin('b').behaviour = answer(500);
    const response = scene.client.request(get);
    await scene.origin('a').asked(1);
    await scene.clock.advance(1000);
    await scene.attempted(1);
    await scene.clock.advance(1000);
    expect(await response).toMatchObject({ status: 500, instance: { id: 'b' } });
  });

  test('a good response that comes within 50 ms more keeps the connection of the late one', async () => {
    await using scene = await Scene.open(['a', 'b']);
    const a = scene.origin('a');
    const answerA = hold(a);
    const response = scene.client.request(get);
    await a.asked(1);
    await scene.clock.advance(1000);
    expect((await response).instance.id).toBe('b');
    const [{ socket } = {}] = a.requests;
    await scene.clock.advance(49);
    answerA(200);
    await until(() => scene.client.explain().hosts.every(({ inFlight }) => inFlight === 0));
    await scene.clock.advance(1000);
    expect(socket?.destroyed).toBe(false);
  });

  test('a late one that stays silent loses its connection after 50 ms', async () => {
    await using scene = await Scene.open(['a', 'b']);
    const a = scene.origin('a');
    a.behaviour = hang;
    const response = scene.client.request(get);
    await a.asked(1);
    await scene.clock.advance(1000);
    await response;
    await scene.clock.advance(50);
    await a.deserted();
  });

  test('none is asked when the budget is spent, and the late one is waited for', async () => {
    await using scene = await Scene.open(['a', 'b'], {
      retryBudget: { perRequest: 0, perSecond: 0 },
    });
    const a = scene.origin('a');
    const answerA = hold(a);
    const response = scene.client.request(get);
    await a.asked(1);
    await scene.clock.advance(1999);
    answerA(200);
    expect((await response).status).toBe(200);
    expect(scene.counts).toEqual([1, 0]);
    expect(kinds(scene)).toEqual(['no_budget']);
  });

  test('there are no more than `maxAttempts`', async () => {
    await using scene = await Scene.open(['a', 'b', 'c'], { maxAttempts: 2 });
    for (const id of ['a', 'b', 'c']) scene.origin(id).behaviour = hang;
    const rejected = expect(scene.client.request(get)).rejects.toMatchObject({
      code: 'upstream_timeout',
      attempts: [{ durationMs: 2000 }, { durationMs: 1000 }],
    });
    await scene.origin('a').asked(1);
    await scene.clock.advance(1000);
    await scene.origin('b').asked(1);
    await scene.clock.advance(1000);
    await rejected;
    expect(scene.counts).toEqual([1, 1, 0]);
  });

  test('another one is asked after so many milliseconds as `patience` says', async () => {
    await using scene = await Scene.open(['a', 'b'], { patience: 100 });
    scene.origin('a').behaviour = hang;
    const response = scene.client.request(get);
    await scene.origin('a').asked(1);
    await scene.clock.advance(99);
    expect(scene.counts).toEqual([1, 0]);
    await scene.clock.advance(1);
    expect((await response).instance.id).toBe('b');
  });

  test('another one is asked when 95 % of the responses had come, if `patience` is p95', async () => {
    await using scene = await Scene.open(['a', 'b'], { patience: 'p95' });
    for (const id of ['a', 'b']) {
      scene.origin(id).behaviour = (request, response) => {
        void scene.clock.advance(10).then(() => {
          answer(200)(request, response);
        });
      };
    }
    for (let i = 0; i < 20; i++) await scene.client.request(get);
    for (const id of ['a', 'b']) scene.origin(id).behaviour = hang;
    const asked = () => scene.counts.reduce((sum, count) => sum + count, 0);
    const settled = scene.client.request(get).catch(() => undefined);
    await until(() => asked() === 21);
    await scene.clock.advance(9);
    expect(asked()).toBe(21);
    await scene.clock.advance(4);
    await until(() => asked() === 22);
    await scene.client.close(0);
    await settled;
  });
});

describe('a request that may be sent twice', () => {
  test.each([
    ['a GET', get],
    ['a PUT', put],
    ['a POST with an Idempotency-Key', keyed],
  ])('%s: is, after a broken connection and beside a late attempt', async (_name, request) => {
    await using scene = await Scene.open(['a', 'b', 'c']);
    scene.origin('a').behaviour = reset;
    scene.origin('b').behaviour = hang;
    const response = scene.client.request(request);
    await scene.origin('b').asked(1);
    await scene.clock.advance(1000);
    expect((await response).instance.id).toBe('c');
    expect(scene.counts).toEqual([1, 1, 1]);
    expect(kinds(scene)).toEqual(['retry', 'hedge']);
  });
});

describe('a POST', () => {
  test('is sent once only, when it is late', async () => {
    await using scene = await Scene.open(['a', 'b']);
    const a = scene.origin('a');
    const answerA = hold(a);
    const response = scene.client.request(post);
    await a.asked(1);
    await scene.clock.advance(1999);
    answerA(200);
    expect((await response).status).toBe(200);
    expect(scene.counts).toEqual([1, 0]);
  });

  test('is sent to one instance after the other while none can be reached', async () => {
    await using scene = await Scene.open(['a', 'b', 'c']);
    for (const id of ['a', 'b']) scene.origin(id).kill();
    expect((await scene.client.request(post)).instance.id).toBe('c');
    expect(scene.story).toEqual(['a refused', 'b refused', 'c ok']);
  });
});

describe('of several ends the best one is the request’s', () => {
  test('a response, also when the next attempt is refused', async () => {
    await using scene = await Scene.open(['a', 'b']);
    scene.origin('a').behaviour = answer(503, { body: '{"detail":"database down"}' });
    scene.origin('b').kill();
    const response = await scene.client.request(get);
    expect([response.status, String(response.body)]).toEqual([503, '{"detail":"database down"}']);
    expect(response).toMatchObject({
      instance: { id: 'a' },
      attempts: [{ outcome: 'unavailable' }, { outcome: 'refused' }],
    });
  });

  test('a response, also when the deadline passes in the next attempt', async () => {
    await using scene = await Scene.open(['a', 'b']);
    scene.origin('a').behaviour = answer(503);
    scene.origin('b').behaviour = hang;
    const response = scene.client.request(get);
    await scene.origin('b').asked(1);
    await scene.clock.advance(2000);
    expect((await response).status).toBe(503);
  });

  test('of two that are as good the newer one', async () => {
    await using scene = await Scene.open(['a', 'b']);
    for (const id of ['a', 'b']) scene.origin(id).behaviour = answer(503, { body: id });
    expect(String((await scene.client.request(get)).body)).toBe('b');
  });
});

test('an instance is not spared for longer than the request that it refused could have waited', async () => {
  await using scene = await Scene.open(['a', 'b']);
  const a = scene.origin('a');
  a.behaviour = answer(503, { headers: { 'retry-after': '86400' } });
  const callOften = async () => {
    for (let i = 0; i < 100; i++) await scene.client.request(get);
  };
  await callOften();
  expect(a.requests).toHaveLength(1);
  await scene.clock.advance(1999);
  await callOften();
  expect(a.requests).toHaveLength(1);
  await scene.clock.advance(1);
  await callOften();
  expect(a.requests.length).toBeGreaterThan(1);
});

test('a response that came while the process stood still past the deadline is handed on', async () => {
  await using scene = await Scene.open(['a', 'b']);
  scene.origin('a').behaviour = (request, response) => {
    scene.clock.stall(2500);
    answer(200)(request, response);
    void scene.clock.advance(0);
  };
  expect((await scene.client.request(get)).status).toBe(200);
  expect(scene.counts).toEqual([1, 0]);
});
