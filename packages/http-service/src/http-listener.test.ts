import { EventEmitter, once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { HttpListener } from './http-listener';

const events = new EventEmitter();
let listener: HttpListener;

beforeEach(async () => {
  listener = await HttpListener.listen({
    port: 0,
    host: '127.0.0.1',
    limits: {
      headersTimeoutMs: 200,
      requestTimeoutMs: 400,
      checkMs: 100,
      discardBytes: 100_000,
      discardMs: 200,
    },
    handler: (request, response) => {
      if (request.url === '/now') response.end('now');
      else events.emit('waiting', response);
    },
  });
});

afterEach(async () => {
  await listener.close(0);
});

const url = (path: string) => `http://127.0.0.1:${listener.port}${path}`;

/** A request that is answered when the test does so. */
async function waiting(): Promise<{ answer: ServerResponse; response: Promise<Response> }> {
  const arrived = once(events, 'waiting') as Promise<[ServerResponse]>;
  const response = fetch(url('/later'));
  const [answer] = await arrived;
  return { answer, response };
}

/** Everything that comes back for `text` until the server closes. */
async function answerTo(text: string): Promise<string> {
  const socket = connect(listener.port, '127.0.0.1');
  let received = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
  socket.write(text);
  await once(socket, 'close');
  return received;
}

it('finishes what is in flight when it closes', async () => {
  const { answer, response } = await waiting();
  const closed = listener.close(5000);
  answer.end('late');
  expect(await closed).toBe(true);
  expect(await (await response).text()).toBe('late');
});

it('accepts no connection while it finishes', async () => {
  const { answer, response } = await waiting();
  const { port } = listener;
  const closed = listener.close(5000);
  const [error] = (await once(connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
  answer.end();
  await response;
  await closed;
});

it('cuts off what is not finished in time, and says so', async () => {
  const { response } = await waiting();
  const cutOff = response.catch(() => 'cut off');
  expect(await listener.close(20)).toBe(false);
  expect(await cutOff).toBe('cut off');
});

it('tells clients to close an idle connection before a pod that stops would', async () => {
  const response = await fetch(url('/now'));
  expect(response.headers.get('keep-alive')).toBe('timeout=4');
});

it('serves on while it is about to close, and asks clients to leave', async () => {
  expect((await fetch(url('/now'))).headers.get('connection')).toBe('keep-alive');
  listener.beginClosing();
  const response = await fetch(url('/now'));
  expect(response.status).toBe(200);
  expect(response.headers.get('connection')).toBe('close');
});

it('asks a client whose answer is under way to leave, too', async () => {
  const { answer, response } = await waiting();
  listener.beginClosing();
  answer.end('late');
  expect((await response).headers.get('connection')).toBe('close');
});

it('closes at once when only idle connections are left', async () => {
  await (await fetch(url('/now'))).text();
  expect(await listener.close(60_000)).toBe(true);
});

it('closes twice', async () => {
  expect(await listener.close(10)).toBe(true);
  expect(await listener.close(10)).toBe(true);
});

it('rejects a port that is taken', async () => {
  const again = HttpListener.listen({
    port: listener.port,
    host: '127.0.0.1',
    handler: () => undefined,
  });
  await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

it.each([
  ['is not HTTP', 'hello\r\n\r\n', 400],
  ['has too large headers', `GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(17_000)}\r\n\r\n`, 431],
  ['never ends its headers', 'GET / HTTP/1.1\r\nhost: a\r\n', 408],
])('answers a client that %s with a problem', async (_what, text, status) => {
  const [head = '', body = ''] = (await answerTo(text)).split('\r\n\r\n');
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(head).toContain('application/problem+json');
  expect(JSON.parse(body)).toMatchObject({ type: 'about:blank', status });
});

describe('a client that sends on after the answer', () => {
  /** Sends `first`, then pieces for as long as the connection is there; resolves with how much that was, and what came. */
  async function sendOn(
    first: string,
    bytes: number,
    everyMs: number,
    onData: () => void = () => undefined,
  ): Promise<{ sent: number; received: string }> {
    const piece = Buffer.alloc(bytes, 'x');
    // Goes on when the server has ended its side.
    const socket = connect({ port: listener.port, host: '127.0.0.1', allowHalfOpen: true });
    let received = '';
    let sent = 0;
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      received += chunk;
      onData();
    });
    socket.on('error', () => undefined);
    socket.write(first);
    const timer = setInterval(() => {
      if (socket.write(piece)) sent += piece.length;
    }, everyMs);
    await once(socket, 'close').catch(() => undefined);
    clearInterval(timer);
    return { sent, received };
  }

  const post = (length: string) => `POST /now HTTP/1.1\r\nhost: a\r\n${length}\r\n\r\n`;

  it.each([
    ['has a length', post('content-length: 90000000')],
    ['has none', `${post('transfer-encoding: chunked')}5000000\r\n`],
    ['is no HTTP', 'hello\r\n\r\n'],
  ])('is cut off after some bytes, where the body %s', async (_name, first) => {
    const { sent, received } = await sendOn(first, 50_000, 5);
    expect(received).toMatch(/^HTTP\/1.1 (200|400) /);
    expect(received.toLowerCase()).toContain('\r\nconnection: close\r\n');
    expect(sent).toBeGreaterThan(100_000);
    expect(sent).toBeLessThan(1_000_000);
  });

  it.each([
    ['has a length', post('content-length: 90000')],
    ['has none', `${post('transfer-encoding: chunked')}5000000\r\n`],
    ['is no HTTP', 'hello\r\n\r\n'],
  ])('is cut off after some time, where the body %s', async (_name, first) => {
    const startedAt = performance.now();
    const { received } = await sendOn(first, 100, 10);
    expect(received).toMatch(/^HTTP\/1.1 (200|400) /);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(199);
    expect(performance.now() - startedAt).toBeLessThan(390);
  });

  it('does not hold up a close for longer', async () => {
    let sendingOn: ReturnType<typeof sendOn> | undefined;
    await new Promise<void>((resolve) => {
      sendingOn = sendOn(post('content-length: 90000'), 100, 10, resolve);
    });
    expect(await listener.close(5000)).toBe(true);
    expect((await sendingOn)?.received).toMatch(/^HTTP\/1.1 200 /);
  });
});
