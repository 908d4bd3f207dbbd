import { Pool } from 'undici';
import { percentile } from '../load';
import { freePort, ServerProcess, untilAnswered } from '../server-process';
import { table } from '../table';
import { logFile } from '../variant';

const pageLength = 20;

export interface MovieListOptions {
  readonly rounds: number;
  readonly roundMs: number;
}

/** A page of 20 movies by one `GET /movies`, and by 20 of `GET /movie` at the same time. */
export async function measureMovieList(
  database: string,
  { rounds, roundMs }: MovieListOptions,
): Promise<string> {
  const [metadata, rating, movie] = [await freePort(), await freePort(), await freePort()];
  const start = (service: string, port: number, ...args: string[]) =>
    new ServerProcess({
      script: `services/${service}/src/main.ts`,
      args: ['--port', String(port), '--host', '127.0.0.1', ...args],
      logFile,
    });
  const store = ['--registry', 'memory:', '--database', database];
  const registry = `static:metadata=127.0.0.1:${metadata};rating=127.0.0.1:${rating}`;
  const servers = [
    start('metadata', metadata, ...store),
    start('rating', rating, ...store),
    start('movie', movie, '--registry', registry),
  ];
  const pool = new Pool(`http://127.0.0.1:${movie}`, { connections: pageLength, pipelining: 1 });
  const get = async (path: string) => {
    const { statusCode, body } = await pool.request({ path, method: 'GET' });
    if (statusCode !== 200) throw new Error(`${path} answered ${statusCode}`);
    return body.json();
  };
  const waysToPage = {
    [`1 × GET /movies?limit=${pageLength}`]: () => get(`/movies?limit=${pageLength}`),
    [`${pageLength} × GET /movie?id=`]: () =>
      Promise.all(Array.from({ length: pageLength }, (_, id) => get(`/movie?id=${id + 1}`))),
  };
  try {
    for (const port of [metadata, rating, movie])
      await untilAnswered(`http://127.0.0.1:${port}/readyz`);
    const used = () => servers.reduce((sum, server) => sum + server.cpuSeconds(), 0);
    const latencies = new Map(Object.keys(waysToPage).map((name) => [name, [] as number[]]));
    const cpu = new Map<string, number>();
    for (let round = -1; round < rounds; round += 1) {
      for (const [name, page] of Object.entries(waysToPage)) {
        const before = used();
        const found = await timesOf(page, roundMs);
        // The first one warms up.
        if (round < 0) continue;
        latencies.get(name)?.push(...found);
        cpu.set(name, (cpu.get(name) ?? 0) + used() - before);
      }
    }
    const rows = [...latencies].map(([name, times]) => [
      name,
      percentile(times, 0.5).toFixed(1),
      percentile(times, 0.99).toFixed(1),
      (((cpu.get(name) ?? NaN) / times.length) * 1000).toFixed(1),
    ]);
    return table(['a page of movies', 'p50 ms', 'p99 ms', 'CPU ms'], rows);
  } finally {
    await pool.close();
    await Promise.all(servers.map((server) => server.stop()));
  }
}

/** One page after the other; gives the milliseconds each took. */
async function timesOf(page: () => Promise<unknown>, durationMs: number): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + durationMs;
  for (let now = performance.now(); now < end;) {
    await page();
    const then = performance.now();
    times.push(then - now);
    now = then;
  }
  return times;
}
