import { Pool } from 'undici';

/** What a stretch of load came to. */
export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface LoadOptions {
  readonly url: string;
  readonly connections: number;
  readonly durationMs: number;
  /** `GET` by default. */
  readonly method?: 'GET' | 'PUT';
  /** Path and query of the request with this number; that of `url` by default. */
  readonly pathOf?: (number: number) => string;
}

/** As many requests as the server answers, on a fixed number of connections. Anything but 2xx is an error. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const { url, connections, durationMs, method = 'GET' } = options;
  const { origin, pathname, search } = new URL(url);
  const pathOf = options.pathOf ?? (() => pathname + search);
  const pool = new Pool(origin, { connections, pipelining: 1 });
  const latencies: number[] = [];
  let sent = 0;
  const startedAt = performance.now();
  const end = startedAt + durationMs;
  const client = async () => {
    for (let now = performance.now(); now < end;) {
      const path = pathOf(sent++);
      const { statusCode, body } = await pool.request({ path, method });
      await body.dump();
      if (statusCode >= 300) throw new Error(`${method} ${origin}${path} answered ${statusCode}`);
      const then = performance.now();
      latencies.push(then - now);
      now = then;
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  const elapsedMs = performance.now() - startedAt;
  await pool.close();
  return {
    requests: latencies.length,
    perSecond: (latencies.length / elapsedMs) * 1000,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  };
}

/** The value that this share of them, from 0 to 1, is below. */
export function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? NaN;
}
