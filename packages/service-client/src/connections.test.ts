import { ManualClock, until } from '@movies/time/testing';
import { clientSettings } from './client-options';
import { Connections } from './connections';
import { breakConnections } from './testing/no-connections';
import { answer, hang, type Behaviour } from './testing/origin';
import { get, post, Scene } from './testing/scene';

afterEach(() => {
  jest.restoreAllMocks();
});

describe('the connections to one instance', () => {
  function open(maxConnections: number, maxQueued: number) {
    const clock = new ManualClock();
    const address = { host: '192.0.2.1', port: 80 };
    const connections = new Connections(address, {
      ...clientSettings({ maxConnections, maxQueued }),
      clock,
    });
    const started: string[] = [];
    const givenUp: string[] = [];
    const starts = new Map<string, () => void>();
    const take = (name: string) => {
      const start = () => started.push(name);
      starts.set(name, start);
      connections.take(start, () => givenUp.push(name));
    };
    const leave = (name: string) => {
      connections.leave(starts.get(name) ?? (() => undefined));
    };
    return { connections, started, givenUp, take, leave };
  }

  test('start as many requests as there may be connections; the others wait in their order', () => {
    const { connections, started, take } = open(2, 10);
    for (const name of ['a', 'b', 'c', 'd']) take(name);
    expect(started).toEqual(['a', 'b']);
    connections.give();
    expect(started).toEqual(['a', 'b', 'c']);
    connections.give();
    expect(started).toEqual(['a', 'b', 'c', 'd']);
  });

  test('a request that left is not started, and its place is the next one’s', () => {
    const { connections, started, take, leave } = open(1, 10);
    for (const name of ['a', 'b', 'c']) take(name);
    for (const name of ['b', 'b', 'a']) leave(name);
    connections.give();
    expect(started).toEqual(['a', 'c']);
  });

  test('give up what waits when they are destroyed', async () => {
    const { connections, started, givenUp, take } = open(1, 10);
    for (const name of ['a', 'b', 'c']) take(name);
    await connections.destroy();
    expect([started, givenUp]).toEqual([['a'], ['b', 'c']]);
  });

  test('are full when as many wait as may, and not any more once one left', () => {
    const { connections, take, leave } = open(1, 1);
    take('a');
    expect(connections.isFull).toBe(false);
    take('b');
    expect(connections.isFull).toBe(true);
    leave('b');
    expect(connections.isFull).toBe(false);
  });

  test('without a queue are full when all are in use', () => {
    const { connections, take } = open(1, 0);
    expect(connections.isFull).toBe(false);
    take('a');
    expect(connections.isFull).toBe(true);
    connections.give();
    expect(connections.isFull).toBe(false);
  });

  test('are not opened before the first request', async () => {
    const { connections } = open(1, 1);
    await connections.destroy();
  });
});

/** Holds every response back until `release`. */
function held(): { behaviour: Behaviour; release: () => void } {
  const waiting: (() => void)[] = [];
  return {
    behaviour: (request, response) => {
      waiting.push(() => {
        answer(200)(request, response);
      });
    },
    release: () => {
      for (const respond of waiting.splice(0)) respond();
    },
  };
}

describe('a request for which all connections are in use', () => {
  test('waits, and is sent on the next one that is free', async () => {
    await using scene = await Scene.open(['a'], { maxConnections: 1 });
    const a = scene.origin('a');
    const { behaviour, release } = held();
    a.behaviour = behaviour;
    const first = scene.client.request(get);
    const second = scene.client.request(get);
    await a.asked(1);
    a.behaviour = answer(200);
    release();
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
    expect(new Set(a.requests.map(({ socket }) => socket.remotePort)).size).toBe(1);
  });

  test('is refused when the queue is full, and nothing was sent', async () => {
    await using scene = await Scene.open(['a'], { maxConnections: 1, maxQueued: 1 });
    const a = scene.origin('a');
    const { behaviour, release } = held();
    a.behaviour = behaviour;
    const first = scene.client.request(get);
    const second = scene.client.request(get);
    await expect(scene.client.request(get)).rejects.toMatchObject({
      code: 'upstream_overloaded',
      message: 'movies: the queue of each of its instances is full (maxQueued: 1)',
      attempts: [],
    });
    await a.asked(1);
    a.behaviour = answer(200);
    release();
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
    expect(scene.client.ejected).toBe(0);
  });

  test.each([get, post])('is sent elsewhere when one queue is full, a $method', async (request) => {
    await using scene = await Scene.open(['a', 'b'], { maxConnections: 1, maxQueued: 0 });
    scene.origin('a').behaviour = hang;
    const first = scene.client.request(get).catch(() => undefined);
    await scene.origin('a').asked(1);
    for (let i = 0; i < 10; i++) {
      expect((await scene.client.request(request)).instance.id).toBe('b');
    }
    await scene.client.close(0);
    await first;
  });

  test('leaves the queue when its caller gives up, and is never sent', async () => {
    await using scene = await Scene.open(['a'], { maxConnections: 1, maxQueued: 1 });
    const a = scene.origin('a');
    const { behaviour, release } = held();
    a.behaviour = behaviour;
    const first = scene.client.request(get);
    for (let i = 0; i < 5; i++) {
      const caller = new AbortController();
      const request = scene.client.request({ ...get, path: '/gone', signal: caller.signal });
      caller.abort();
      await expect(request).rejects.toMatchObject({ code: 'upstream_aborted' });
    }
    await a.asked(1);
    a.behaviour = answer(200);
    release();
    await first;
    await scene.client.request(get);
    expect(a.requests.map(({ url }) => url)).toEqual(['/', '/']);
    expect(new Set(a.requests.map(({ socket }) => socket.remotePort)).size).toBe(1);
  });

  test('leaves the queue at its deadline, which is not held against the instance', async () => {
    await using scene = await Scene.open(['a', 'b'], { maxConnections: 1 });
    for (let i = 0; i < 10; i++) await scene.client.request(get);
    const [a, b] = [scene.origin('a'), scene.origin('b')];
    for (const origin of [a, b]) origin.behaviour = hang;
    const asked = a.requests.length + b.requests.length;
    const requests = Array.from({ length: 20 }, () =>
      scene.client.request(post).catch((error: unknown) => error),
    );
    await until(() => a.requests.length + b.requests.length === asked + 2);
    await scene.clock.advance(2000);
    await scene.clock.advance(50);
    for (const error of await Promise.all(requests)) {
      expect(error).toMatchObject({ code: 'upstream_timeout' });
    }
    expect(a.requests.length + b.requests.length).toBe(asked + 2);
    expect(scene.client.ejected).toBe(0);
  });
});

describe('an instance that is gone without a word', () => {
  test.each([get, post])(
    'counts as refused after 400 ms, and a $method is served elsewhere',
    async (request) => {
      await using scene = await Scene.open(['a', 'b']);
      const connections = breakConnections([scene.origin('a').instance().port]);
      const response = scene.client.request(request);
      await until(() => connections.begun === 1);
      await scene.clock.advance(399);
      expect(scene.story).toEqual([]);
      await scene.clock.advance(1);
      expect((await response).instance.id).toBe('b');
      expect(scene.story).toEqual(['a refused', 'b ok']);
      expect(scene.client.ejected).toBe(1);
      for (let i = 0; i < 10; i++) await scene.client.request(request);
      expect(connections.begun).toBe(1);
    },
  );

  test('is ejected also when its callers gave up before that was known', async () => {
    await using scene = await Scene.open(['a', 'b']);
    const connections = breakConnections([scene.origin('a').instance().port]);
    const caller = new AbortController();
    const response = scene.client.request({ ...get, signal: caller.signal });
    await until(() => connections.begun === 1);
    await scene.clock.advance(300);
    caller.abort();
    await expect(response).rejects.toMatchObject({ code: 'upstream_aborted' });
    expect(scene.client.ejected).toBe(0);
    await scene.clock.advance(100);
    await until(() => scene.client.ejected === 1);
    expect(scene.client.explain().hosts[0]?.lastFailure?.what).toContain('no connection, after');
  });

  test('is told by an error that says so', async () => {
    await using scene = await Scene.open(['a'], { connectTimeoutMs: 250 });
    const connections = breakConnections([scene.origin('a').instance().port]);
    const rejected = expect(scene.client.request(post)).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message:
        'movies: no instance could be reached [a refused after 250 ms: no connection within 250 ms]',
    });
    await until(() => connections.begun === 1);
    await scene.clock.advance(250);
    await rejected;
  });
});

test.each(['EMFILE', 'EADDRNOTAVAIL'])(
  '%s is one attempt, and no instance is ejected for it',
  async (code) => {
    await using scene = await Scene.open(['a', 'b', 'c', 'd']);
    breakConnections(
      ['a', 'b', 'c', 'd'].map((id) => scene.origin(id).instance().port),
      code,
    );
    for (let i = 0; i < 20; i++) {
      await expect(scene.client.request(get)).rejects.toMatchObject({
        code: 'upstream_unavailable',
        message: expect.stringMatching(
          `^movies: this process cannot call it \\[. local after 0 ms: connect ${code}\\]$`,
        ) as string,
      });
    }
    expect(scene.attempts).toHaveLength(20);
    expect(scene.client.ejected).toBe(0);
    jest.restoreAllMocks();
    expect((await scene.client.request(get)).status).toBe(200);
  },
);

describe('an idle connection', () => {
  test('is kept for 4 s by default', () => {
    expect(clientSettings({}).keepAliveMs).toBe(4000);
  });

  test('is closed after its time', async () => {
    await using scene = await Scene.open(['a'], { keepAliveMs: 50 });
    await scene.client.request(get);
    await scene.origin('a').deserted();
  });
});
