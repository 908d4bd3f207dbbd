import { connect } from 'node:net';
import { once } from 'node:events';
import { movieListSchema, type MovieList } from '@movies/api';
import { killServiceProcesses, ServiceProcess } from './service-process';

interface Ports {
  readonly metadata: number;
  readonly rating: number;
  readonly movie: number;
}

function startAll(env: Record<string, string> = {}): ServiceProcess {
  const ports = { METADATA_PORT: '0', RATING_PORT: '0', MOVIE_PORT: '0' };
  return new ServiceProcess({ script: 'start.ts', env: { ...ports, ...env } });
}

async function portsOf(all: ServiceProcess): Promise<Ports> {
  await all.line(({ msg }) => msg === 'Ctrl-C stops all three.');
  return {
    metadata: await all.port('metadata'),
    rating: await all.port('rating'),
    movie: await all.port('movie'),
  };
}

async function isFree(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const outcome = await Promise.race([once(socket, 'connect'), once(socket, 'error')]).catch(
    (error: unknown) => [error],
  );
  socket.destroy();
  return (outcome[0] as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED';
}

afterAll(killServiceProcesses);

describe('the whole system in one process', () => {
  let ports: Ports;

  beforeAll(async () => {
    ports = await portsOf(startAll());
  });

  const get = (id: string) => fetch(`http://localhost:${ports.movie}/movie${id}`);
  const vote = (query: string) =>
    fetch(`http://localhost:${ports.rating}/rating?id=1&type=movie&${query}`, { method: 'PUT' });

  it('walks from a movie without a rating to the mean of two votes', async () => {
    const first = await get('?id=1');
    expect(first.status).toBe(200);
    expect(first.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await first.json()).toEqual({
      rating: null,
      metadata: {
        id: '1',
        title: expect.any(String) as string,
        description: expect.any(String) as string,
        director: expect.any(String) as string,
      },
    });
    expect((await vote('userId=ann&value=5')).status).toBe(204);
    expect((await vote('userId=bob&value=4')).status).toBe(204);
    expect(await (await get('?id=1')).json()).toMatchObject({ rating: 4.5 });
    await vote('userId=ann&value=2');
    expect(await (await get('?id=1')).json()).toMatchObject({ rating: 3 });
  });

  it('pages through all movies, each with its rating, and finds them by title', async () => {
    await fetch(`http://localhost:${ports.rating}/rating?id=15&type=movie&userId=ann&value=3`, {
      method: 'PUT',
    });
    const movies: MovieList['items'] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const after: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const response = await fetch(`http://localhost:${ports.movie}/movies?limit=7${after}`);
      expect(response.headers.get('x-upstreams')?.split(', ')).toHaveLength(2);
      const page = movieListSchema.parse(await response.json());
      movies.push(...page.items);
      cursor = page.nextCursor;
    }
    expect(movies.map(({ metadata }) => metadata.id).sort()).toEqual(
      Array.from({ length: 25 }, (_, i) => String(i + 1)).sort(),
    );
    expect(movies.find(({ metadata }) => metadata.id === '15')?.rating).toBe(3);
    const found = await fetch(`http://localhost:${ports.movie}/movies?q=ALIEN`);
    expect(await found.json()).toMatchObject({
      items: [{ rating: 3, metadata: { title: 'Alien' } }],
      nextCursor: null,
    });
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['cursor=x', 'cursor'],
  ])('answers /movies?%s with 400 that names %s', async (query, parameter) => {
    const response = await fetch(`http://localhost:${ports.movie}/movies?${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ parameter }] });
  });

  it('names the instances that served', async () => {
    const { headers } = await get('?id=2');
    expect(headers.get('x-served-by')).toMatch(/^movie-[0-9a-f]{8}$/);
    expect(headers.get('x-upstreams')).toMatch(
      /^metadata=metadata-[0-9a-f]{8}, rating=rating-[0-9a-f]{8}$/,
    );
  });

  it.each([
    ['?id=nobody', 404],
    ['', 400],
    ['?id=', 400],
    ['/nothing', 404],
  ])('answers /movie%s with %d, as a problem', async (query, status) => {
    const response = await get(query);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({
      status,
      requestId: expect.any(String) as string,
    });
  });

  it.each([
    ['userId=ann&value=0', 'value'],
    ['userId=ann&value=6', 'value'],
    ['userId=ann&value=4.5', 'value'],
    ['userId=ann&value=abc', 'value'],
    ['value=5', 'userId'],
  ])('answers PUT %s with 400 that names %s', async (query, parameter) => {
    const response = await vote(query);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ parameter }] });
  });

  it.each(['POST', 'DELETE'])('answers %s with 405 and says what is allowed', async (method) => {
    const response = await fetch(`http://localhost:${ports.movie}/movie?id=1`, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('HEAD, GET');
  });

  it.each(['metadata', 'rating', 'movie'] as const)(
    'has health and metrics in %s',
    async (name) => {
      const origin = `http://localhost:${ports[name]}`;
      expect((await fetch(`${origin}/livez`)).status).toBe(200);
      expect((await fetch(`${origin}/readyz`)).status).toBe(200);
      const metrics = await fetch(`${origin}/metrics`);
      expect(metrics.headers.get('content-type')).toContain('text/plain');
      expect(await metrics.text()).toContain('http_server_request_duration_seconds_count');
    },
  );
});

it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('stops cleanly on %s', async (signal) => {
  const all = startAll();
  const { metadata, rating, movie } = await portsOf(all);
  all.signal(signal);
  expect(await all.exited).toBe(0);
  expect(all.errors).toBe('');
  expect(await Promise.all([metadata, rating, movie].map(isFree))).toEqual([true, true, true]);
});

it('ends at once on a second signal', async () => {
  const all = startAll({ SHUTDOWN_DELAY_MS: '60000' });
  await portsOf(all);
  all.signal('SIGTERM');
  await all.line(({ msg }) => msg.startsWith('draining'));
  all.signal('SIGTERM');
  expect(await all.exited).toBe(128 + 15);
});

it('takes the echo of one Ctrl-C, as npm sends it, for the same Ctrl-C', async () => {
  const all = startAll();
  await portsOf(all);
  all.signal('SIGINT');
  all.signal('SIGINT');
  expect(await all.exited).toBe(0);
});
