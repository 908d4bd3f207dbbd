import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { readJsonBody } from './json-body';
import { startService, type RunningService } from './start-service';
import { testConfig } from './testing';

const size = 5_000_000;
const body = Buffer.alloc(size, 'x');
const json = { 'content-type': 'application/json' };

let service: RunningService;

beforeAll(async () => {
  service = await startService(
    {
      name: 'thing',
      version: '1.2.3',
      upstreams: [],
      routes: (router) => {
        router.put('/thing', async (ctx) => {
          ctx.body = { read: await readJsonBody(ctx) };
        });
        router.put('/no-body', (ctx) => {
          ctx.status = 204;
        });
        router.get('/thing', (ctx) => {
          ctx.body = {};
        });
        router.put('/broken', () => {
          throw new Error('broken');
        });
      },
    },
    testConfig({ shutdownDelayMs: 4000 }),
  );
});

afterAll(() => service.stop());

interface Case {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly status: number;
}

const put = { method: 'PUT', path: '/thing', headers: json };
const cases: (Case & { name: string })[] = [
  { name: 'too large a body', ...put, status: 413 },
  {
    name: 'a body of another type',
    ...put,
    headers: { 'content-type': 'text/plain' },
    status: 415,
  },
  {
    name: 'an unknown encoding',
    ...put,
    headers: { ...json, 'content-encoding': 'x' },
    status: 415,
  },
  { name: 'an unknown path', ...put, path: '/nothing', status: 404 },
  { name: 'another method', ...put, method: 'DELETE', status: 405 },
  { name: 'no time', ...put, headers: { ...json, 'x-request-timeout-ms': '0' }, status: 504 },
  { name: 'a bad header', ...put, headers: { ...json, 'x-request-timeout-ms': 'x' }, status: 400 },
  { name: 'a route that fails', ...put, path: '/broken', status: 500 },
  { name: 'a route that reads no body', ...put, path: '/no-body', status: 204 },
  { name: 'a body where none is asked for', ...put, method: 'GET', status: 200 },
];

/** Sends the body in pieces, with or without its length in the headers, and resolves with the status or the error. */
function send(
  { method, path, headers }: Case,
  options: { readonly agent: Agent | false; readonly chunked: boolean },
): Promise<number | string | undefined> {
  return new Promise((resolve) => {
    const request = httpRequest({
      port: service.port,
      host: '127.0.0.1',
      method,
      path,
      agent: options.agent,
      headers: {
        ...headers,
        ...(options.chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': size }),
      },
    });
    request.on('response', (response) => {
      response.resume().on('end', () => {
        resolve(response.statusCode);
      });
    });
    request.on('error', ({ code }: NodeJS.ErrnoException) => {
      resolve(code);
    });
    const sendPieces = async () => {
      for (let sent = 0; sent < size && !request.destroyed; sent += 100_000) {
        request.write(body.subarray(sent, sent + 100_000));
        await new Promise(setImmediate);
      }
      request.end();
    };
    void sendPieces();
  });
}

/** Connects, sends all of it before it reads, and resolves with what then can be read until the end. */
async function sendBlindly(...pieces: (string | Buffer)[]): Promise<string> {
  const socket = connect(service.port, '127.0.0.1').pause();
  await once(socket, 'connect');
  for (const piece of pieces) {
    if (!socket.write(piece)) await Promise.race([once(socket, 'drain'), closed(socket)]);
  }
  let received = '';
  socket
    .setEncoding('latin1')
    .on('data', (text: string) => (received += text))
    .resume();
  socket.end();
  await closed(socket);
  return received;
}

async function closed(socket: Socket): Promise<void> {
  await once(socket, 'close').catch(() => undefined);
}

function head({ method, path, headers }: Case, ...more: string[]): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`${method} ${path} HTTP/1.1`, 'host: a', ...lines, ...more, '', ''].join('\r\n');
}

describe.each(cases)('$name is answered with $status', (sent) => {
  it.each([
    ['connection: close', false],
    ['keep-alive', true],
  ])('to a client that sends on, %s', async (_name, keepAlive) => {
    const agent = keepAlive && new Agent({ keepAlive });
    for (const chunked of [false, true, false, true]) {
      expect(await send(sent, { agent, chunked })).toBe(sent.status);
    }
    if (agent !== false) agent.destroy();
  });

  it('to one that sends all before it reads', async () => {
    for (const connection of ['close', 'keep-alive']) {
      const start = head(sent, `connection: ${connection}`, `content-length: ${size}`);
      expect(await sendBlindly(start, body)).toMatch(new RegExp(`^HTTP/1.1 ${sent.status} `));
    }
  });
});

it.each([413, 415, 404])('answers fetch with %d', async (status) => {
  const sent = cases.find((one) => one.status === status);
  for (let i = 0; i < 3; i += 1) {
    const response = await fetch(`http://127.0.0.1:${service.port}${sent?.path ?? ''}`, {
      method: 'PUT',
      headers: sent?.headers ?? {},
      body,
    });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ status });
  }
});

describe('what is no request', () => {
  const chunked = head({ ...put, status: 0 }, 'transfer-encoding: chunked');
  it.each([
    ['too large headers', `GET / HTTP/1.1\r\nhost: a\r\nx: `, 431],
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['a length that is none', head({ ...put, status: 0 }, 'content-length: 1e3'), 400],
    ['two lengths', head({ ...put, status: 0 }, 'content-length: 1', 'content-length: 2'), 400],
    ['a chunk without a size', `${chunked}zzz\r\n`, 400],
    [
      'a broken chunk after an answer',
      `${chunked.replace('/json', '/xml')}2\r\n{}\r\nzzz\r\n`,
      415,
    ],
  ])('%s, and 5 MB behind it, is answered', async (_name, text, status) => {
    for (let i = 0; i < 3; i += 1) {
      const answer = await sendBlindly(text, body);
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
    }
  });
});

describe('the connection', () => {
  const open = async () => {
    const socket = connect(service.port, '127.0.0.1').setEncoding('latin1');
    await once(socket, 'connect');
    return socket;
  };
  const answer = async (socket: Socket) => ((await once(socket, 'data')) as [string])[0];

  it('is kept where the body was discarded whole', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let connections = 0;
    const create = agent.createConnection.bind(agent);
    agent.createConnection = (...args: Parameters<typeof create>) => {
      connections += 1;
      return create(...args);
    };
    for (const sent of cases) await send(sent, { agent, chunked: false });
    expect(connections).toBe(1);
    agent.destroy();
  });

  it('is said to close where the body has no length, or too great a one to be discarded', async () => {
    for (const length of ['transfer-encoding: chunked', `content-length: ${9 * 1024 * 1024}`]) {
      const socket = await open();
      socket.write(head({ ...put, headers: { 'content-type': 'a/b' }, status: 0 }, length));
      expect((await answer(socket)).toLowerCase()).toContain('\r\nconnection: close\r\n');
      socket.destroy();
    }
  });

  it('gets the answer while the body is still on its way', async () => {
    const socket = await open();
    socket.write(head({ ...put, status: 0 }, `content-length: ${size}`));
    expect(await answer(socket)).toMatch(/^HTTP\/1.1 413 .*\r\n\r\n.*"code":"payload_too_large"/s);
    socket.destroy();
  });
});

describe('a client that asks before it sends a body', () => {
  const expecting = (sent: Case, length: number) =>
    head(sent, 'expect: 100-continue', `content-length: ${length}`);

  it('is told to go on where the body is wanted', async () => {
    const socket = connect(service.port, '127.0.0.1').setEncoding('latin1');
    socket.write(expecting({ ...put, status: 0 }, 2));
    expect(await once(socket, 'data')).toEqual(['HTTP/1.1 100 Continue\r\n\r\n']);
    socket.write('{}');
    expect(((await once(socket, 'data')) as [string])[0]).toContain('{"read":{}}');
    socket.destroy();
  });

  it.each(cases.filter(({ status }) => status > 400))(
    'is answered $status instead for $name',
    async (sent) => {
      const socket = connect(service.port, '127.0.0.1').setEncoding('latin1');
      socket.write(expecting(sent, size));
      const [text] = (await once(socket, 'data')) as [string];
      expect(text).toMatch(new RegExp(`^HTTP/1.1 ${sent.status} `));
      expect(text.toLowerCase()).toContain('\r\nconnection: close\r\n');
      socket.destroy();
    },
  );

  it('is answered also where it sends the body all the same', async () => {
    const answer = await sendBlindly(expecting({ ...put, status: 0 }, size), body);
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
  });
});

// The last, since it does not serve on.
it('answers while it drains, and closes', async () => {
  void service.stop();
  for (const sent of cases) {
    expect(await send(sent, { agent: false, chunked: false })).toBe(sent.status);
    const start = head(sent, `content-length: ${size}`);
    const answer = await sendBlindly(start, body);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${sent.status} `));
    expect(answer.toLowerCase()).toContain('\r\nconnection: close\r\n');
  }
});
