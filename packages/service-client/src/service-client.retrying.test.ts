import { RoundRobin } from './balancer/round-robin';
import { answer, hang, reset } from './testing/origin';
import { get, post, Scene } from './testing/scene';

const put = { method: 'PUT', path: '/', body: '{}' } as const;

describe('a refused connection', () => {
  test.each([get, post])(
    'is retried elsewhere without an error, also a $method',
    async (request) => {
      await using scene = await Scene.open(['a', 'b']);
      scene.origin('a').kill();
      const response = await scene.client.request(request);
      expect([response.status, response.instance.id]).toEqual([200, 'b']);
      expect(scene.story).toEqual(['a refused', 'b ok']);
    },
  );

  test('is retried also for a request that is itself a retry', async () => {
    await using scene = await Scene.open(['a', 'b']);
    scene.origin('a').kill();
    await scene.client.request({ ...get, isRetry: true });
    expect(scene.story).toEqual(['a refused', 'b ok']);
  });

  test('of the only instance is an error that tells the attempt', async () => {
    await using scene = await Scene.open(['a']);
    scene.origin('a').kill();
    await expect(scene.client.request(get)).rejects.toMatchObject({
      code: 'upstream_unavailable',
      service: 'movies',
      message: expect.stringMatching(
        /^movies: no instance could be reached \[a refused after 0 ms: connect ECONNREFUSED/,
      ) as string,
      attempts: [{ instance: { id: 'a' }, outcome: 'refused', durationMs: 0 }],
    });
  });

  test('of every instance ends after three attempts', async () => {
    await using scene = await Scene.open(['a', 'b', 'c', 'd']);
    for (const id of ['a', 'b', 'c', 'd']) scene.origin(id).kill();
    await expect(scene.client.request(get)).rejects.toMatchObject({ code: 'upstream_unavailable' });
    expect(new Set(scene.story).size).toBe(3);
  });
});

describe('a connection that breaks before the first byte', () => {
  test.each([get, put])('is retried elsewhere for a $method', async (request) => {
    await using scene = await Scene.open(['a', 'b']);
    scene.origin('a').behaviour = reset;
    expect((await scene.client.request(request)).status).toBe(200);
    expect(scene.story).toEqual(['a reset', 'b ok']);
  });

  test('is not retried for a POST, which may have been done', async () => {
    await using scene = await Scene.open(['a', 'b']);
    scene.origin('a').behaviour = reset;
    await expect(scene.client.request(post)).rejects.toMatchObject({
      code: 'upstream_unavailable',
      attempts: [{ outcome: 'reset' }],
    });
    expect(scene.counts).toEqual([1, 0]);
  });

  test('is not retried for a request that is itself a retry', async () => {
    await using scene = await Scene.open(['a', 'b']);
    scene.origin('a').behaviour = reset;
    const request = { ...get, isRetry: true };
    await expect(scene.client.request(request)).rejects.toMatchObject({
      code: 'upstream_unavailable',
    });
    expect(scene.counts).toEqual([1, 0]);
  });

  test('is retried at the only instance there is', async () => {
    await using scene = await Scene.open(['a']);
    const origin = scene.origin('a');
    origin.behaviour = (request, response) => {
      origin.behaviour = answer(200);
      reset(request, response);
    };
    expect((await scene.client.request(get)).status).toBe(200);
    expect(scene.story).toEqual(['a reset', 'a ok']);
  });

  test('is retried at the only instance until three attempts were made', async () => {
    await using scene = await Scene.open(['a']);
    scene.origin('a').behaviour = reset;
    await expect(scene.client.request(get)).rejects.toMatchObject({ code: 'upstream_unavailable' });
    expect(scene.counts).toEqual([3]);
  });
});

test('a connection that breaks within the answer is not retried at the only instance', async () => {
  await using scene = await Scene.open(['a']);
  scene.origin('a').behaviour = (_request, response) => {
    response.writeHead(200, { 'content-length': 10 });
    response.write('half', () => {
      response.destroy();
    });
  };
  await expect(scene.client.request(get)).rejects.toMatchObject({ code: 'upstream_unavailable' });
  expect(scene.counts).toEqual([1]);
});

describe('an answer', () => {
  test.each([502, 503, 504])('%i is retried elsewhere', async (status) => {
    await using scene = await Scene.open(['a', 'b']);
    scene.origin('a').behaviour = answer(status);
    expect((await scene.client.request(get)).status).toBe(200);
    expect(scene.story).toEqual(['a unavailable', 'b ok']);
  });

  test.each([
    [429, {}],
    [503, { headers: { 'retry-after': '1' } }],
  ])('%i that asks for patience is retried elsewhere', async (status, options) => {
    await using scene = await Scene.open(['a', 'b']);
    scene.origin('a').behaviour = answer(status, options);
    expect((await scene.client.request(get)).status).toBe(200);
    expect(scene.story).toEqual(['a overloaded', 'b ok']);
  });

  test.each([200, 404, 500, 501])('%i is handed on as it is', async (status) => {
    await using scene = await Scene.open(['a', 'b']);
    scene.origin('a').behaviour = answer(status);
    expect((await scene.client.request(get)).status).toBe(status);
    expect(scene.counts).toEqual([1, 0]);
  });

  test('503 to a POST is handed on as it is', async () => {
    await using scene = await Scene.open(['a', 'b']);
    scene.origin('a').behaviour = answer(503);
    expect((await scene.client.request(post)).status).toBe(503);
    expect(scene.counts).toEqual([1, 0]);
  });

  test('503 of all is handed on, with every attempt', async () => {
    await using scene = await Scene.open(['a', 'b']);
    for (const id of ['a', 'b']) scene.origin(id).behaviour = answer(503);
    const response = await scene.client.request(get);
    expect(response).toMatchObject({
      status: 503,
      instance: { id: 'b' },
      attempts: [
        { instance: { id: 'a' }, outcome: 'unavailable', status: 503 },
        { instance: { id: 'b' }, outcome: 'unavailable', status: 503 },
      ],
    });
  });

  test('larger than allowed is a bad response', async () => {
    await using scene = await Scene.open(['a'], { maxBodyBytes: 10 });
    scene.origin('a').behaviour = answer(200, { body: 'x'.repeat(11) });
    await expect(scene.client.request(get)).rejects.toMatchObject({
      code: 'upstream_bad_response',
      message: expect.stringContaining('the response is larger than 10 bytes') as string,
      attempts: [{ outcome: 'too_large' }],
    });
  });
});

describe('the count of attempts before', () => {
  test('is sent with a retry, and not with a first attempt', async () => {
    await using scene = await Scene.open(['a', 'b', 'c']);
    for (const id of ['a', 'b', 'c']) scene.origin(id).behaviour = answer(503);
    await scene.client.request(get);
    const sent = ['a', 'b', 'c'].flatMap((id) => scene.origin(id).header('x-retry-attempt'));
    expect(sent).toEqual([undefined, '1', '2']);
  });

  test('is passed on for a request that is itself a retry', async () => {
    await using scene = await Scene.open(['a']);
    await scene.client.request({ ...get, isRetry: true });
    expect(scene.origin('a').header('x-retry-attempt')).toEqual(['1']);
  });
});

describe('the budget', () => {
  const retryThrottle = { tokens: 1e6 };

  test('lets no more than 20 % and ten a second be retried', async () => {
    await using scene = await Scene.open(['a', 'b'], { retryThrottle });
    for (const id of ['a', 'b'])
      scene.origin(id).behaviour = answer(503, { headers: { 'retry-after': '1' } });
    for (let i = 0; i < 500; i++) await scene.client.request(get);
    // 500 requests pay for 100 retries, and ten seconds without any for another 100.
    expect(scene.attempts.length).toBe(500 + 100 + 100);
  });

  test('has enough again later', async () => {
    await using scene = await Scene.open(['a', 'b'], { retryThrottle });
    for (const id of ['a', 'b'])
      scene.origin(id).behaviour = answer(503, { headers: { 'retry-after': '1' } });
    for (let i = 0; i < 200; i++) await scene.client.request(get);
    await scene.clock.advance(11_000);
    const { attempts } = await scene.client.request(get);
    expect(attempts.length).toBe(2);
  });

  test('exhausted, leaves the whole time to the one attempt', async () => {
    await using scene = await Scene.open(['a', 'b'], { retryThrottle });
    const [a, b] = [scene.origin('a'), scene.origin('b')];
    for (const origin of [a, b]) origin.behaviour = answer(429);
    for (let i = 0; i < 200; i++) await scene.client.request(get);
    for (const origin of [a, b]) origin.behaviour = hang;
    const sent = a.requests.length + b.requests.length;
    const rejected = expect(scene.client.request(get)).rejects.toMatchObject({
      code: 'upstream_timeout',
      attempts: [{ durationMs: 2000 }],
    });
    await Promise.race([a.asked(a.requests.length + 1), b.asked(b.requests.length + 1)]);
    expect(a.requests.length + b.requests.length).toBe(sent + 1);
    await scene.clock.advance(2000);
    await rejected;
  });
});

describe('the throttle', () => {
  test('lets 100 retries be of no use, and no more', async () => {
    await using scene = await Scene.open(['a', 'b']);
    for (const id of ['a', 'b']) scene.origin(id).behaviour = answer(429);
    for (let i = 0; i < 1000; i++) await scene.client.request(get);
    expect(scene.attempts.length).toBe(1000 + 100);
  });

  test('does not end retries that help', async () => {
    const retryBudget = { perRequest: 1 };
    const ejection = { maxShare: 0 };
    const balancer = new RoundRobin();
    await using scene = await Scene.open(['a', 'b'], { retryBudget, ejection, balancer });
    scene.origin('a').behaviour = answer(503);
    for (let i = 0; i < 500; i++) expect((await scene.client.request(get)).status).toBe(200);
    expect(scene.attempts.length).toBe(500 + 250);
  });
});
