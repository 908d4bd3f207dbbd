import { spawn, type ChildProcess } from 'node:child_process';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';

const script = path.resolve(__dirname, '../../scripts/load-generator.mjs');

/** Answers as movie and rating do, of two instances each in turn. */
let respond: (request: http.IncomingMessage, response: http.ServerResponse, turn: number) => void;
let server: http.Server;
let generator: ChildProcess;
let turn = 0;

beforeEach(async () => {
  turn = 0;
  respond = (request, response, number) => {
    const isMovie = request.url?.startsWith('/movie') === true;
    response.setHeader(
      'x-served-by',
      isMovie ? `movie-${number % 2}` : `rating-${Math.floor(number / 10) % 2}`,
    );
    if (isMovie) response.setHeader('x-upstreams', 'metadata=metadata-1, rating=rating-0');
    response.end('{}');
  };
  server = http.createServer((request, response) => {
    respond(request, response, turn++);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  generator.kill();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function start(settings: Readonly<Record<string, string>>): AsyncIterableIterator<string> {
  const { port } = server.address() as AddressInfo;
  const hosts = { MOVIE_HOST: '127.0.0.1', RATING_HOST: '127.0.0.1', TARGET_PORT: String(port) };
  generator = spawn(process.execPath, [script], {
    env: { ...hosts, RATE: '100', ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (generator.stdout === null) throw new Error('no output');
  return createInterface({ input: generator.stdout })[Symbol.asyncIterator]();
}

async function take(lines: AsyncIterableIterator<string>, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) taken.push(String((await lines.next()).value));
  return taken;
}

it('tells totals since the start', async () => {
  const [first, second] = (await take(start({}), 2)).map(
    (line) => JSON.parse(line) as { sent: number; ok: number },
  );
  expect(first).toMatchObject({ degraded: 0, failed: {} });
  expect(first?.ok).toBeGreaterThan(20);
  expect(second?.ok).toBeGreaterThan((first?.ok ?? 0) + 20);
});

it('tells of each second alone, and of the instances that served', async () => {
  const lines = await take(start({ OUTPUT: 'seconds' }), 2);
  for (const line of lines) {
    const [, requests] = /^(\d+) 0 0 \d+ metadata 1, movie 0 1, rating 0 1$/.exec(line) ?? [line];
    expect(Number(requests)).toBeGreaterThan(20);
    expect(Number(requests)).toBeLessThan(200);
  }
});

it('tells what failed and why, and what was degraded', async () => {
  respond = (_, response, number) => {
    response.setHeader('x-served-by', 'one');
    if (number % 3 === 0) response.writeHead(503).end();
    else response.end('{"degraded":["rating"]}');
  };
  const [line = ''] = await take(start({ OUTPUT: 'seconds' }), 1);
  const [, requests, failed, degraded] =
    /^(\d+) (\d+) (\d+) \d+ movie one, rating one; .*movie 503 without Retry-After: \d+/.exec(
      line,
    ) ?? [line];
  expect(Number(failed)).toBeGreaterThan(5);
  expect(Number(failed) + Number(degraded)).toBe(Number(requests));
});

it('has no percentile of nothing', async () => {
  respond = () => undefined;
  expect(await take(start({ OUTPUT: 'seconds' }), 1)).toEqual(['0 0 0 - ']);
});

it('ends by itself after DURATION', async () => {
  start({ DURATION: '1' });
  expect(await new Promise((resolve) => generator.once('exit', resolve))).toBe(0);
});
