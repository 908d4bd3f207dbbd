import type { Arrival } from './backend-process';
import { figuresOf, type RunRecord } from './figures';
import type { Sample } from './load';
import type { Method } from './request';

/** One request each 10 ms: 1 s healthy, then 1 s of fault, then 1 s after it. */
const phases = [
  { name: 'warm-up', beginMs: -1000, endMs: 0 },
  { name: 'healthy', beginMs: 0, endMs: 1000 },
  { name: 'fault', beginMs: 1000, endMs: 2000 },
  { name: 'after', beginMs: 2000, endMs: 3000 },
] as const;

const faultFrom = 100;
const afterFrom = 200;

interface Change {
  readonly method?: Method;
  readonly outcome?: string;
  readonly latencyMs?: number;
}

/** All are reads that are answered by `a` after 2 ms, but for the changes by id. */
function record(
  changes: Readonly<Record<number, Change>> = {},
  more: Partial<RunRecord> = {},
): RunRecord {
  const samples = Array.from({ length: 300 }, (_, id): Sample => ({
    id,
    method: 'GET',
    atMs: id * 10,
    latencyMs: 2,
    outcome: 'ok',
    ...changes[id],
  }));
  return {
    samples,
    arrivals: new Map([['a', samples.filter(({ outcome }) => outcome === 'ok').map(arrival)]]),
    phases,
    marks: [],
    finalSet: ['a'],
    cpuSeconds: 0.06,
    ...more,
  };
}

function arrival({ id, method, atMs }: Pick<Sample, 'id' | 'method' | 'atMs'>): Arrival {
  return { id, method, atMs, status: 200 };
}

const arrivalsOf = (ids: readonly number[]) =>
  ids.map((id) => arrival({ id, method: 'GET', atMs: id * 10 }));

describe('the figures of a run', () => {
  it('take percentiles of what was answered in the fault, and of no other phase', () => {
    const slow = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [faultFrom + i, { latencyMs: i + 1 }]),
    );
    const figures = figuresOf(record({ ...slow, [faultFrom + 99]: { outcome: 'timeout' } }));
    expect(figures).toMatchObject({ asked: 100, p50Ms: 50, p99Ms: 99, maxMs: 99 });
    expect(figures).toMatchObject({ healthyP50Ms: 2, healthyP99Ms: 2, answeredPerSecond: 99 });
  });

  it('have no percentile where nothing was answered', () => {
    const failed = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [faultFrom + i, { outcome: '503' }]),
    );
    expect(figuresOf(record(failed))).toMatchObject({ failedReads: 100, p99Ms: null, maxMs: null });
  });

  it('tell apart reads, idempotent writes, and other writes that were sent and that were not', () => {
    const arrived = { id: faultFrom + 3, method: 'POST', atMs: 1031 } as const;
    const figures = figuresOf(
      record(
        {
          [faultFrom]: { outcome: 'refused' },
          [faultFrom + 1]: { method: 'PUT', outcome: 'reset' },
          [faultFrom + 2]: { method: 'POST', outcome: 'reset' },
          [faultFrom + 3]: { method: 'POST', outcome: 'timeout' },
          [faultFrom + 4]: { method: 'POST', outcome: 'refused' },
          [faultFrom - 1]: { outcome: 'refused' },
        },
        { arrivals: new Map([['a', [arrival(arrived)]]]) },
      ),
    );
    expect(figures).toMatchObject({
      failedReads: 1,
      failedPuts: 1,
      failedPostsSent: 2,
      failedPostsUnsent: 1,
      failures: { refused: 2, reset: 2, timeout: 1 },
    });
  });

  it('count a POST that was done at two instances, and none that one of them refused', () => {
    const post = (id: number) => arrival({ id, method: 'POST', atMs: id * 10 });
    const arrivals = new Map([
      ['a', [post(1), post(2), { ...post(3), status: 503 }]],
      ['b', [post(1), post(3)]],
    ]);
    expect(figuresOf(record({}, { arrivals }))).toMatchObject({ postsTwice: 1 });
  });

  it('count all arrivals of the requests of the fault, also late ones', () => {
    const ids = Array.from({ length: 100 }, (_, i) => faultFrom + i);
    const late = arrivalsOf(ids.slice(0, 50)).map((each) => ({ ...each, atMs: 2900 }));
    const arrivals = new Map([
      ['a', arrivalsOf(ids)],
      ['b', late],
    ]);
    const marks = [{ ids: ['b'], atMs: 1000, of: 2 }];
    const figures = figuresOf(record({}, { arrivals, marks }));
    expect(figures).toMatchObject({ amplification: 1.5, firstUseMs: 1900 });
    expect(figures.markedShare).toBeCloseTo(1 / 3);
  });

  it('say when the last request failed that was due after the fault', () => {
    expect(figuresOf(record())).toMatchObject({ lastFailureMs: 0 });
    const changes = { [faultFrom]: { outcome: '503' }, [afterFrom + 30]: { outcome: '503' } };
    expect(figuresOf(record(changes))).toMatchObject({ lastFailureMs: 300, failedReads: 2 });
  });

  it('say from when an instance has half of its share, and that one is never used', () => {
    const ids = Array.from({ length: 300 }, (_, id) => id);
    // From id 150 on every second one goes to b: all of its fair share of two.
    const toB = ids.filter((id) => id >= 150 && id % 2 === 0);
    const arrivals = new Map([
      ['a', arrivalsOf(ids.filter((id) => !toB.includes(id)))],
      ['b', arrivalsOf(toB)],
      ['c', []],
    ]);
    const of = (id: string) =>
      figuresOf(record({}, { arrivals, marks: [{ ids: [id], atMs: 1000, of: 2 }] }));
    // A window of 500 ms from 1250 has 12 or 13 of its 50 at b.
    expect(of('b')).toMatchObject({ firstUseMs: 500, halfShareMs: 250 });
    expect(of('c')).toMatchObject({ firstUseMs: null, halfShareMs: null });
  });

  it('do not take for a use what had waited at a stopped instance', () => {
    const waiting = arrivalsOf([150, 151]).map((each) => ({ ...each, atMs: 2001 }));
    const arrivals = new Map([['a', [...waiting, ...arrivalsOf([230])]]]);
    const marks = [{ ids: ['a'], atMs: 2000, of: 1 }];
    expect(figuresOf(record({}, { arrivals, marks }))).toMatchObject({ firstUseMs: 300 });
  });

  it('give the shares of the final set in the second half of the last phase', () => {
    const arrivals = new Map([
      ['gone', arrivalsOf([210, 260, 261])],
      ['a', arrivalsOf([210, 211, 251])],
      ['b', arrivalsOf([252, 253, 254])],
    ]);
    expect(figuresOf(record({}, { arrivals, finalSet: ['a', 'b'] }))).toMatchObject({
      leastShare: 0.25,
      mostShare: 0.75,
    });
  });
});
