import { EventEmitter, once } from 'node:events';
import type { Socket } from 'node:net';
import { ManualClock } from '@movies/time/testing';
import { Pool, type Dispatcher } from 'undici';
import { WholeExchange, type ExchangeResult } from './exchange';
import { RawServer } from './testing/raw-server';

const get = { method: 'GET', path: '/', headers: {}, body: null } as const;
const maxBodyBytes = 10;

let pool: Pool | undefined;
afterEach(async () => {
  await pool?.destroy();
});

function open(origin: string): Pool {
  pool = new Pool(origin, { connections: 1 });
  return pool;
}

/** One exchange, its result, and the moment at which its connection is needed no more. */
function send(options: Dispatcher.DispatchOptions, to: Pool) {
  const clock = new ManualClock();
  const exchange = new WholeExchange(clock, maxBodyBytes);
  let isOver = false;
  const result = new Promise<ExchangeResult<Buffer>>((resolve, reject) => {
    exchange.ended = resolve;
    exchange.refuse = reject;
  });
  const over = new Promise<void>((resolve) => {
    exchange.over = () => {
      isOver = true;
      resolve();
    };
  });
  exchange.begin();
  to.dispatch(options, exchange);
  return { clock, exchange, result, over, isOver: () => isOver };
}

/** Sends a GET to a server that does this with it. */
async function sendTo(onRequest: (socket: Socket) => void) {
  const server = await RawServer.listen(onRequest);
  const sending = send(get, open(server.origin));
  return { ...sending, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

function writes(text: string) {
  return (socket: Socket) => {
    socket.end(text);
  };
}

test('an answer comes with its status, its headers in lower case, and its whole body', async () => {
  await using call = await sendTo(
    writes('HTTP/1.1 201 Created\r\nX-Served-By: a\r\ncontent-length: 5\r\n\r\nhello'),
  );
  expect(await call.result).toEqual({
    kind: 'response',
    status: 201,
    headers: { 'x-served-by': 'a', 'content-length': '5' },
    body: Buffer.from('hello'),
  });
});

test('a body in pieces is put together', async () => {
  await using call = await sendTo(
    writes('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n'),
  );
  expect(await call.result).toMatchObject({ body: Buffer.from('abcde') });
});

test('an answer without a body has an empty one', async () => {
  await using call = await sendTo(writes('HTTP/1.1 204 No Content\r\n\r\n'));
  expect(await call.result).toMatchObject({ status: 204, body: Buffer.alloc(0) });
});

test('an early hint is not the answer', async () => {
  await using call = await sendTo(
    writes('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'),
  );
  expect(await call.result).toMatchObject({ status: 200, body: Buffer.from('ok') });
});

test('a body of just the limit is an answer', async () => {
  await using call = await sendTo(
    writes('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789'),
  );
  expect(await call.result).toMatchObject({ kind: 'response' });
});

test('a body over the limit is too large, and the rest of it is not read', async () => {
  let closed: Promise<unknown> | undefined;
  await using call = await sendTo((socket) => {
    closed = once(socket, 'close');
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n0123456789a');
  });
  expect(await call.result).toMatchObject({
    kind: 'failure',
    outcome: 'too_large',
    error: { message: 'the response is larger than 10 bytes' },
  });
  await closed;
});

test('what is not HTTP is a bad response', async () => {
  await using call = await sendTo(writes('SSH-2.0-OpenSSH_9.6\r\n'));
  expect(await call.result).toMatchObject({ outcome: 'bad_response', sent: true });
});

test('headers without end are a bad response', async () => {
  await using call = await sendTo(
    writes(`HTTP/1.1 200 OK\r\n${'x: 0123456789\r\n'.repeat(5000)}\r\n`),
  );
  expect(await call.result).toMatchObject({ outcome: 'bad_response' });
});

test('a connection that breaks before the answer is a reset, sent and not yet answering', async () => {
  await using call = await sendTo((socket) => {
    socket.resetAndDestroy();
  });
  expect(await call.result).toMatchObject({
    outcome: 'reset',
    sent: true,
    answering: false,
  });
});

test('a connection that breaks within the answer is a reset, answering', async () => {
  await using call = await sendTo(writes('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe'));
  expect(await call.result).toMatchObject({ outcome: 'reset', answering: true });
});

test('where nothing listens it is refused, and nothing was sent', async () => {
  const server = await RawServer.listen(() => undefined);
  const { origin } = server;
  await server[Symbol.asyncDispose]();
  expect(await send(get, open(origin)).result).toMatchObject({
    outcome: 'refused',
    sent: false,
    error: { code: 'ECONNREFUSED' },
  });
});

/** A server that tells when it was asked and when its connection closed, and sends what a test tells it to. */
async function openTold() {
  const events = new EventEmitter();
  let socket: Socket | undefined;
  const call = await sendTo((opened) => {
    socket = opened;
    opened.once('close', () => events.emit('closed'));
    events.emit('asked');
  });
  const closed = once(events, 'closed');
  await once(events, 'asked');
  return { ...call, closed, write: (text: string) => socket?.write(text) };
}

test('cancelled, it ends at once, and its connection when it was not answered for a moment', async () => {
  await using call = await openTold();
  const error = new Error('late');
  call.exchange.cancel('timeout', error);
  expect(await call.result).toEqual({
    kind: 'failure',
    outcome: 'timeout',
    error,
    sent: true,
    answering: false,
  });
  await call.clock.advance(49);
  expect(call.isOver()).toBe(false);
  await call.clock.advance(1);
  await call.over;
  await call.closed;
});

test('cancelled and answered within that moment, its connection stays', async () => {
  await using call = await openTold();
  call.exchange.cancel('outrun', new Error('another one was faster'));
  call.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
  await call.over;
  expect(await call.result).toMatchObject({ outcome: 'outrun' });
  expect(call.clock.pending).toBe(0);
  await new Promise(setImmediate);
  expect(pool?.stats).toMatchObject({ connected: 1, free: 1 });
});

test('cancelled at once, its connection breaks without that moment', async () => {
  await using call = await openTold();
  call.exchange.cancel('too_large', new Error('enough'), true);
  await call.over;
  await call.closed;
  expect(call.clock.pending).toBe(0);
});

test('cancelled before there is a connection for it, it is over and was not sent', async () => {
  const exchange = new WholeExchange(new ManualClock(), maxBodyBytes);
  const said: unknown[] = [];
  exchange.ended = ({ kind, ...result }) => said.push({ kind, ...result });
  exchange.over = () => said.push('over');
  exchange.cancel('aborted', new Error('enough'));
  expect(said).toMatchObject([{ outcome: 'aborted', sent: false }, 'over']);
});

test('cancelled while its connection is made, it is never sent', async () => {
  const paths: string[] = [];
  await using server = await RawServer.listen((socket, bytes) => {
    paths.push(String(bytes).split(' ')[1] ?? '');
    socket.end('HTTP/1.1 204 No Content\r\n\r\n');
  });
  const one = open(server.origin);
  const givenUp = send({ ...get, path: '/given-up' }, one);
  const waiting = send({ ...get, path: '/waiting' }, one);
  givenUp.exchange.cancel('aborted', new Error('enough'));
  expect(await givenUp.result).toMatchObject({ outcome: 'aborted', sent: false });
  expect(await waiting.result).toMatchObject({ status: 204 });
  await givenUp.over;
  expect(paths).toEqual(['/waiting']);
});

test('cancelled twice, the first reason counts', async () => {
  await using call = await sendTo(() => undefined);
  call.exchange.cancel('aborted', new Error('first'));
  call.exchange.cancel('timeout', new Error('second'));
  expect(await call.result).toMatchObject({ outcome: 'aborted' });
});

test.each(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'EAI_AGAIN'])(
  '%s is a shortage of this process and not the server’s fault',
  async (code) => {
    const error = Object.assign(new Error(`connect ${code}`), { code });
    pool = new Pool('http://192.0.2.1', {
      connect: (_options, callback) => {
        callback(error, null);
      },
    });
    expect(await send(get, pool).result).toEqual({
      kind: 'failure',
      outcome: 'local',
      error,
      sent: false,
      answering: false,
    });
  },
);

test.each([
  ['a line break in a header', { headers: { 'x-a': 'b\r\nc' } }],
  ['a path without a slash', { path: 'movies' }],
  [
    'a length that is not the body’s',
    { method: 'PUT', headers: { 'content-length': '1' }, body: 'abc' },
  ],
] as const)('%s is the caller’s fault and no outcome', async (_fault, fields) => {
  await using server = await RawServer.listen(() => undefined);
  const { result } = send({ ...get, ...fields }, open(server.origin));
  await expect(result).rejects.toThrow(/invalid|path|match/i);
});
