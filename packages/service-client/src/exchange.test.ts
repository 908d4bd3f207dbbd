import { EventEmitter, once } from 'node:events';
import type { Socket } from 'node:net';
import { Pool } from 'undici';
import { WholeExchange } from './exchange';
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

/** Sends a GET to a server that does this with it. */
async function sendTo(onRequest: (socket: Socket) => void) {
  const server = await RawServer.listen(onRequest);
  const sending = send(open(server.origin), get, maxBodyBytes);
  return { sending, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
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
  expect(await call.sending.result).toEqual({
    kind: 'answer',
    status: 201,
    headers: { 'x-served-by': 'a', 'content-length': '5' },
    body: Buffer.from('hello'),
  });
});

test('a body in pieces is put together', async () => {
  await using call = await sendTo(
    writes('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n'),
  );
  expect(await call.sending.result).toMatchObject({ body: Buffer.from('abcde') });
});

test('an answer without a body has an empty one', async () => {
  await using call = await sendTo(writes('HTTP/1.1 204 No Content\r\n\r\n'));
  expect(await call.sending.result).toMatchObject({ status: 204, body: Buffer.alloc(0) });
});

test('an early hint is not the answer', async () => {
  await using call = await sendTo(
    writes('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'),
  );
  expect(await call.sending.result).toMatchObject({ status: 200, body: Buffer.from('ok') });
});

test('a body of just the limit is an answer', async () => {
  await using call = await sendTo(
    writes('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789'),
  );
  expect(await call.sending.result).toMatchObject({ kind: 'answer' });
});

test('a body over the limit is a bad response, and the rest of it is not read', async () => {
  let closed: Promise<unknown> | undefined;
  await using call = await sendTo((socket) => {
    closed = once(socket, 'close');
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n0123456789a');
  });
  expect(await call.sending.result).toMatchObject({
    kind: 'failure',
    outcome: 'bad_response',
    error: { message: 'the answer is larger than 10 bytes' },
  });
  await closed;
});

test('what is not HTTP is a bad response', async () => {
  await using call = await sendTo(writes('SSH-2.0-OpenSSH_9.6\r\n'));
  expect(await call.sending.result).toMatchObject({ outcome: 'bad_response', sent: true });
});

test('headers without end are a bad response', async () => {
  await using call = await sendTo(
    writes(`HTTP/1.1 200 OK\r\n${'x: 0123456789\r\n'.repeat(5000)}\r\n`),
  );
  expect(await call.sending.result).toMatchObject({ outcome: 'bad_response' });
});

test('a connection that breaks before the answer is a reset, sent and not yet answering', async () => {
  await using call = await sendTo((socket) => {
    socket.resetAndDestroy();
  });
  expect(await call.sending.result).toMatchObject({
    outcome: 'reset',
    sent: true,
    answering: false,
  });
});

test('a connection that breaks within the answer is a reset, answering', async () => {
  await using call = await sendTo(writes('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe'));
  expect(await call.sending.result).toMatchObject({ outcome: 'reset', answering: true });
});

test('where nothing listens it is refused, and nothing was sent', async () => {
  const server = await RawServer.listen(() => undefined);
  const { origin } = server;
  await server[Symbol.asyncDispose]();
  expect(await send(open(origin), get, maxBodyBytes).result).toMatchObject({
    outcome: 'refused',
    sent: false,
    error: { code: 'ECONNREFUSED' },
  });
});

test('cancelled, it ends at once and its connection with it', async () => {
  const events = new EventEmitter();
  await using call = await sendTo((socket) => {
    socket.once('close', () => events.emit('closed'));
    events.emit('asked');
  });
  await once(events, 'asked');
  const error = new Error('late');
  const closed = once(events, 'closed');
  call.sending.cancel('timeout', error);
  expect(await call.sending.result).toEqual({
    kind: 'failure',
    outcome: 'timeout',
    error,
    sent: true,
    answering: false,
  });
  await closed;
});

test('cancelled while it waits for a connection, it ends at once and is never sent', async () => {
  const paths: string[] = [];
  await using server = await RawServer.listen((socket, bytes) => {
    paths.push(String(bytes).split(' ')[1] ?? '');
    socket.end('HTTP/1.1 204 No Content\r\n\r\n');
  });
  const one = open(server.origin);
  const givenUp = send(one, { ...get, path: '/given-up' }, maxBodyBytes);
  const waiting = send(one, { ...get, path: '/waiting' }, maxBodyBytes);
  givenUp.cancel('aborted', new Error('enough'));
  expect(await givenUp.result).toMatchObject({ outcome: 'aborted', sent: false });
  expect(await waiting.result).toMatchObject({ status: 204 });
  expect(paths).toEqual(['/waiting']);
});

test('cancelled twice, the first reason counts', async () => {
  await using call = await sendTo(() => undefined);
  call.sending.cancel('aborted', new Error('first'));
  call.sending.cancel('timeout', new Error('second'));
  expect(await call.sending.result).toMatchObject({ outcome: 'aborted' });
});

test.each([
  ['a line break in a header', { headers: { 'x-a': 'b\r\nc' } }],
  ['a path without a slash', { path: 'movies' }],
  [
    'a length that is not the body’s',
    { method: 'PUT', headers: { 'content-length': '1' }, body: 'abc' },
  ],
] as const)('%s is the caller’s fault and no outcome', async (_fault, fields) => {
  await using server = await RawServer.listen(() => undefined);
  const { result } = send(open(server.origin), { ...get, ...fields }, maxBodyBytes);
  await expect(result).rejects.toThrow(/invalid|path|match/i);
});
