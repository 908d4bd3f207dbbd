import { once } from 'node:events';

import { Readable, Writable, type Duplex } from 'node:stream';
import { Dispatcher1Wrapper, fetch, interceptors, request, stream, type Dispatcher } from 'undici';
import { StaticRegistry } from '@movies/discovery/static';
import { MeshScene } from '../testing/mesh-scene';
import { answer, hang } from '../testing/origin';
import { RawServer } from '../testing/raw-server';
import { Mesh } from './mesh';

/** Dispatches a GET and collects what its handler hears. */
function listen(dispatcher: Dispatcher, handler: Partial<Dispatcher.DispatchHandler> = {}) {
  const heard: string[] = [];
  let controller: Dispatcher.DispatchController | undefined;
  const over = new Promise<Error | undefined>((resolve) => {
    dispatcher.dispatch(
      { origin: 'http://rating', path: '/', method: 'GET' },
      {
        onRequestStart: (own) => {
          controller = own;
          heard.push('start');
        },
        onResponseStart: (_controller, status) => heard.push(String(status)),
        onResponseData: (_controller, chunk) => heard.push(String(chunk)),
        onResponseEnd: () => {
          heard.push('end');
          resolve(undefined);
        },
        onResponseError: (_controller, error) => {
          heard.push('error');
          resolve(error);
        },
        ...handler,
      },
    );
  });
  if (controller === undefined) throw new Error('it has not started');
  return { heard, over, controller };
}

describe("undici's own", () => {
  test('request gets status, headers, body and trailers, and gives the host', async () => {
    await using scene = await MeshScene.open(['a']);
    scene.origin('a').behaviour = (_request, response) => {
      response.writeHead(201, { 'x-list': ['1', '2'], trailer: 'x-sum' });
      response.write('body');
      response.addTrailers({ 'x-sum': '1' });
      response.end();
    };
    const { dispatcher } = scene.mesh;
    const headers = { host: 'shop.example', accept: 'text/plain' };
    const response = await request('http://rating/path', { dispatcher, headers, query: { id: 1 } });
    expect(await response.body.text()).toBe('body');
    expect(response).toMatchObject({ statusCode: 201, headers: { 'x-list': ['1', '2'] } });
    expect(response.trailers).toEqual({ 'x-sum': '1' });
    const [asked] = scene.origin('a').requests;
    expect(asked).toMatchObject({ url: '/path?id=1', headers });
  });

  test.each([
    ['a list', ['x-a', '1']],
    ['a Map', new Map([['x-a', '1']])],
    ['Headers', new Headers({ 'x-a': '1' })],
  ])('request takes headers as %s', async (_form, headers) => {
    await using scene = await MeshScene.open(['a']);
    const { dispatcher } = scene.mesh;
    const { body } = await request('http://rating/', { dispatcher, headers });
    await body.dump();
    expect(scene.origin('a').requests[0]?.headers).toMatchObject({ host: 'rating', 'x-a': '1' });
  });

  test('stream writes the body of the attempt that is handed on, and no other', async () => {
    await using scene = await MeshScene.open(['a', 'b']);
    scene.origin('a').behaviour = answer(503, { body: 'from a' });
    scene.origin('b').behaviour = answer(200, { body: 'from b' });
    const written: string[] = [];
    const into = new Writable({
      write: (chunk, _encoding, done) => {
        written.push(String(chunk));
        done();
      },
    });
    const { dispatcher } = scene.mesh;
    await stream('http://rating/', { dispatcher, method: 'GET' }, () => into);
    expect(written.join('')).toBe('from b');
  });

  test('fetch is served', async () => {
    await using scene = await MeshScene.open(['a']);
    const response = await fetch('http://rating/', { dispatcher: scene.mesh.dispatcher });
    expect(await response.text()).toBe('ok');
  });

  test('interceptors compose with it', async () => {
    await using scene = await MeshScene.open(['a']);
    scene.origin('a').behaviour = answer(404);
    const dispatcher = scene.mesh.dispatcher.compose(interceptors.responseError());
    const requested = request('http://rating/', { dispatcher });
    await expect(requested).rejects.toMatchObject({ statusCode: 404 });
  });

  test('options that name it again, as those of older editions do, are taken', async () => {
    await using scene = await MeshScene.open(['a']);
    const { dispatcher } = scene.mesh;
    const again = dispatcher.compose((dispatch) => (options, handler) => {
      const older: Dispatcher.DispatchOptions = { ...options, ...{ dispatcher } };
      return dispatch(older, handler);
    });
    const { statusCode, body } = await request('http://rating/', { dispatcher: again });
    await body.dump();
    expect(statusCode).toBe(200);
  });

  test('older handlers are served', async () => {
    await using scene = await MeshScene.open(['a']);
    const heard: string[] = [];
    await new Promise<void>((resolve) => {
      const handler = {
        onConnect: () => heard.push('connect'),
        onHeaders: (status: number, headers: Buffer[]) =>
          heard.push(`${status} ${Buffer.isBuffer(headers[0])}`) > 0,
        onData: (chunk: Buffer) => heard.push(String(chunk)) > 0,
        onComplete: () => {
          resolve();
        },
      };
      const options = { origin: 'http://rating', path: '/', method: 'GET' } as const;
      scene.mesh.dispatcher.dispatch(options, handler as Dispatcher.DispatchHandler);
    });
    expect(heard).toEqual(['connect', '200 true', 'ok']);
  });
});

describe('a request that switches protocols', () => {
  test.each([
    ['101 Switching Protocols', 'upgrade: echo\r\nconnection: upgrade\r\n', 'upgrade'],
    ['200 Connected', '', 'connect'],
  ] as const)('gets the connection of one host: %s', async (status, headers, method) => {
    await using server = await RawServer.listen((socket) => {
      socket.write(`HTTP/1.1 ${status}\r\n${headers}\r\n`);
      socket.pipe(socket);
    });
    const { port } = new URL(server.origin);
    const address = { host: '127.0.0.1', port: Number(port) };
    await using registry = new StaticRegistry({ rating: [address] });
    await using mesh = new Mesh(registry);
    const options = { origin: 'http://rating', path: '/chat', protocol: 'echo' };
    const { dispatcher } = mesh;
    const switching =
      method === 'upgrade' ? dispatcher.upgrade(options) : dispatcher.connect(options);
    const { socket } = await switching;
    await exchangeOver(socket);
    expect(mesh.explain('rating').hosts).toMatchObject([{ inFlight: 1 }]);
    socket.destroy();
    await once(socket, 'close');
    expect(mesh.explain('rating').hosts).toMatchObject([{ inFlight: 0 }]);
  });

  test('gets the response of a server that does not', async () => {
    await using scene = await MeshScene.open(['a', 'b']);
    scene.origin('a').behaviour = answer(503);
    const { heard, over } = listen(
      scene.mesh.dispatcher.compose(
        (dispatch) => (options, handler) => dispatch({ ...options, upgrade: 'echo' }, handler),
      ),
      { onRequestUpgrade: () => undefined },
    );
    expect(await over).toBeUndefined();
    expect([heard, scene.counts]).toEqual([
      ['start', '503', 'ok', 'end'],
      [1, 0],
    ]);
  });
});

async function exchangeOver(socket: Duplex): Promise<void> {
  socket.write('ping');
  expect(String((await once(socket, 'data'))[0])).toBe('ping');
}

describe('a body', () => {
  test('waits while the handler is paused', async () => {
    await using scene = await MeshScene.open(['a']);
    const size = 16 * 1024 * 1024;
    let isSent = false;
    scene.origin('a').behaviour = (_request, response) => {
      response.end(Buffer.alloc(size), () => {
        isSent = true;
      });
    };
    let bytes = 0;
    const { over, controller } = listen(scene.mesh.dispatcher, {
      onResponseStart: (own) => {
        own.pause();
      },
      onResponseData: (own, chunk) => {
        bytes += chunk.length;
        own.pause();
        setImmediate(() => {
          own.resume();
        });
      },
    });
    await scene.origin('a').asked(1);
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    expect([bytes, isSent, controller.paused]).toEqual([0, false, true]);
    controller.resume();
    expect(await over).toBeUndefined();
    expect(bytes).toBe(size);
  });

  test('may take longer than the deadline', async () => {
    await using scene = await MeshScene.open(['a']);
    let end: () => void = () => undefined;
    scene.origin('a').behaviour = (_request, response) => {
      response.write('first');
      end = () => response.end('last');
    };
    const { body } = await request('http://rating/', { dispatcher: scene.mesh.dispatcher });
    await scene.clock.advance(60_000);
    end();
    expect(await body.text()).toBe('firstlast');
  });

  test('that is silent for longer than bodyTimeout fails', async () => {
    await using scene = await MeshScene.open(['a']);
    scene.origin('a').behaviour = (_request, response) => {
      response.write('first');
    };
    const { dispatcher } = scene.mesh;
    const { body } = await request('http://rating/', { dispatcher, bodyTimeout: 20 });
    await expect(body.text()).rejects.toMatchObject({ code: 'UND_ERR_BODY_TIMEOUT' });
  });

  test('holds its connection until it has ended', async () => {
    await using scene = await MeshScene.open(['a'], { maxConnections: 1 });
    const { dispatcher } = scene.mesh;
    const ends: (() => void)[] = [];
    scene.origin('a').behaviour = (_request, response) => {
      response.write('first');
      ends.push(() => response.end());
    };
    const { body } = await request('http://rating/', { dispatcher });
    const second = request('http://rating/', { dispatcher });
    await new Promise(setImmediate);
    expect(scene.counts).toEqual([1]);
    ends[0]?.();
    await body.text();
    await scene.origin('a').asked(2);
    ends[1]?.();
    await (await second).body.text();
    expect(scene.mesh.explain('rating').hosts).toMatchObject([{ inFlight: 0 }]);
  });

  test('that breaks off is an error to its reader, and counts against its host', async () => {
    await using scene = await MeshScene.open(['a', 'b'], { ejection: { failuresInRow: 1 } });
    const { dispatcher } = scene.mesh;
    scene.origin('a').behaviour = (_request, response) => {
      response.writeHead(200, { 'content-length': 10 });
      response.write('first');
      setImmediate(() => response.socket?.resetAndDestroy());
    };
    for (let i = 0; i < 6; i++) {
      const { body } = await request('http://rating/', { dispatcher });
      await body.text().catch(() => undefined);
    }
    const [a] = scene.mesh.explain('rating').hosts;
    expect(a).toMatchObject({
      health: 'out',
      lastFailure: { what: expect.stringContaining('the response broke off') as string },
    });
  });

  test('of an attempt that is not handed on is dropped, and its connection is used again', async () => {
    await using scene = await MeshScene.open(['a', 'b']);
    const { dispatcher } = scene.mesh;
    let connections = 0;
    scene.origin('a').behaviour = (request, response) => {
      if (!seen.has(request.socket)) connections += 1;
      seen.add(request.socket);
      response.writeHead(503).end(Buffer.alloc(100_000));
    };
    const seen = new Set<unknown>();
    scene.origin('b').behaviour = (_request, response) => {
      // Once the whole of the other response is on its way.
      setTimeout(() => response.end('from b'), 20);
    };
    for (let i = 0; i < 3; i++) {
      const { body } = await request('http://rating/', { dispatcher });
      expect(await body.text()).toBe('from b');
    }
    expect(connections).toBe(1);
    expect(scene.mesh.explain('rating').hosts.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
  });

  test('of an attempt that is not handed on and does not end costs its connection', async () => {
    await using scene = await MeshScene.open(['a', 'b']);
    scene.origin('a').behaviour = (_request, response) => {
      response.writeHead(503).write('never ends');
    };
    const { body } = await request('http://rating/', { dispatcher: scene.mesh.dispatcher });
    expect(await body.text()).toBe('ok');
    await scene.clock.advance(50);
    await scene.origin('a').deserted();
  });

  test('of the best response is whole when a later attempt fails', async () => {
    await using scene = await MeshScene.open(['a', 'b']);
    scene.origin('a').behaviour = answer(503, { body: 'from a' });
    scene.origin('b').kill();
    const { body } = await request('http://rating/', { dispatcher: scene.mesh.dispatcher });
    expect(await body.text()).toBe('from a');
  });
});

describe('a request body', () => {
  const put = { method: 'PUT', headers: { 'content-length': '4' } } as const;

  test('that is a small stream of a known length is sent again to another instance', async () => {
    await using scene = await MeshScene.open(['a', 'b']);
    scene.origin('a').behaviour = answer(503);
    const { dispatcher } = scene.mesh;
    const { statusCode, body } = await request('http://rating/', {
      ...put,
      dispatcher,
      body: Readable.from(['te', Buffer.from('xt')]),
    });
    await body.dump();
    expect([statusCode, scene.counts]).toEqual([200, [1, 1]]);
    expect(scene.origin('b').header('content-length')).toEqual(['4']);
  });

  test('that does not come before the deadline is a timeout, and an abort ends the wait', async () => {
    await using scene = await MeshScene.open(['a']);
    const { dispatcher } = scene.mesh;
    const silent = () => new Readable({ read: () => undefined });
    const late = request('http://rating/', { ...put, dispatcher, body: silent() });
    const timedOut = expect(late).rejects.toMatchObject({ code: 'upstream_timeout' });
    await new Promise(setImmediate);
    await scene.clock.advance(2000);
    await timedOut;
    const signal = AbortSignal.abort(new Error('enough'));
    const aborted = request('http://rating/', { ...put, dispatcher, body: silent(), signal });
    await expect(aborted).rejects.toThrow('enough');
    expect(scene.counts).toEqual([0]);
  });

  const failing = async function* () {
    yield 'te';
    await new Promise(setImmediate);
    throw new Error('no more');
  };

  test.each([
    ['a stream', () => Readable.from(failing())],
    ['an iterable', failing as () => unknown],
  ])('that is %s and fails is told as that, and blames no host', async (_name, body) => {
    await using scene = await MeshScene.open(['a', 'b'], { ejection: { failuresInRow: 1 } });
    const { dispatcher } = scene.mesh;
    for (let i = 0; i < 6; i++) {
      const options = { dispatcher, method: 'PUT', body: body() as Readable } as const;
      await expect(request('http://rating/', options)).rejects.toThrow('no more');
    }
    expect(scene.mesh.explain('rating').hosts.map(({ health }) => health)).toEqual(['in', 'in']);
  });
});

describe('a handler', () => {
  test('that aborts before there is a response gets its reason as the error', async () => {
    await using scene = await MeshScene.open(['a']);
    scene.origin('a').behaviour = hang;
    const { over, controller, heard } = listen(scene.mesh.dispatcher);
    await scene.origin('a').asked(1);
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await over).toBe(reason);
    expect([heard, controller.aborted, controller.reason]).toEqual([
      ['start', 'error'],
      true,
      reason,
    ]);
  });

  test.each(['onRequestStart', 'onResponseStart', 'onResponseData', 'onResponseEnd'] as const)(
    'that throws in %s gets that as the error, and blames no host',
    async (method) => {
      await using scene = await MeshScene.open(['a']);
      const thrown = new Error('thrown');
      const dispatcher = scene.mesh.dispatcher;
      const error = await new Promise<Error>((resolve) => {
        const handler: Dispatcher.DispatchHandler = {
          onRequestStart: () => undefined,
          onResponseError: (_controller, reason) => {
            resolve(reason);
          },
          [method]: () => {
            throw thrown;
          },
        };
        dispatcher.dispatch({ origin: 'http://rating', path: '/', method: 'GET' }, handler);
      });
      expect(error).toBe(thrown);
      const [host] = scene.mesh.explain('rating').hosts;
      expect(host).toMatchObject({ health: 'in', inFlight: 0 });
    },
  );

  test('gets undici’s error for what can be sent to no server', async () => {
    await using scene = await MeshScene.open(['a']);
    const { dispatcher } = scene.mesh;
    const sent = request('http://rating/', { dispatcher, headers: { 'bad name': '1' } });
    await expect(sent).rejects.toMatchObject({ code: 'UND_ERR_INVALID_ARG' });
  });
});

test('closing it closes the mesh, also by way of a callback', async () => {
  await using scene = await MeshScene.open(['a']);
  const { dispatcher } = scene.mesh;
  await new Promise<void>((resolve) => {
    dispatcher.close(resolve);
  });
  await new Promise<void>((resolve) => {
    dispatcher.destroy(null, resolve);
  });
  await dispatcher.destroy();
  const requested = request('http://rating/', { dispatcher: new Dispatcher1Wrapper(dispatcher) });
  await expect(requested).rejects.toMatchObject({ code: 'upstream_unavailable' });
});
