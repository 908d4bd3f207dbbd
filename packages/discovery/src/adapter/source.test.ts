import { ManualClock } from '@movies/time/testing';
import { runSource, type Sink } from './source';
import { SourceFailure } from './source-failure';

function run(turn: (signal: AbortSignal) => Promise<number>) {
  const clock = new ManualClock();
  const stop = new AbortController();
  const log: string[] = [];
  const sink: Sink = {
    publish: () => log.push('set'),
    fail: ({ reason, message }) => log.push(`${reason}: ${message}`),
  };
  const source = { turn, close: () => log.push('closed') };
  const running = runSource(source, { sink, clock, random: () => 1 }, stop.signal);
  return { clock, stop, log, running };
}

describe('runSource', () => {
  it('takes a turn after the other, and waits between them as long as each says', async () => {
    const turns: number[] = [];
    const { clock, stop, running } = run(async () => {
      turns.push(clock.now());
      return turns.length === 1 ? 0 : 1000;
    });
    const start = clock.now();
    expect(turns).toEqual([]);
    await clock.advance(2000);
    expect(turns.map((at) => at - start)).toEqual([0, 0, 1000, 2000]);
    stop.abort();
    await running;
    expect(clock.pending).toBe(0);
  });

  it('tells each failure, and waits longer after each', async () => {
    const { clock, stop, log, running } = run(() =>
      Promise.reject(new SourceFailure('refused', 'not now', { reason: 'http_503' })),
    );
    await clock.advance(799);
    expect(log).toEqual(['http_503: not now']);
    await clock.advance(1 + 1600);
    expect(log).toHaveLength(3);
    stop.abort();
    await running;
    expect(log.at(-1)).toBe('closed');
  });

  it('tells what no source expects as a failure, too', async () => {
    const { clock, stop, log, running } = run(() => Promise.reject(new TypeError('a fault')));
    await clock.advance(0);
    stop.abort();
    await running;
    expect(log).toEqual(['internal: a fault', 'closed']);
  });

  it.each([NaN, -1, undefined])('takes a turn that says to wait %p for a failure', async (ms) => {
    const { clock, stop, log, running } = run(() => Promise.resolve(ms as unknown as number));
    await clock.advance(799);
    stop.abort();
    await running;
    expect(log).toEqual([
      `internal: a turn says to wait ${String(ms)} ms: expected 0 or more`,
      'closed',
    ]);
  });

  it('ends a turn that is under way, and tells nothing of it', async () => {
    const { clock, stop, log, running } = run(
      (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reject(signal.reason as Error);
          });
        }),
    );
    await clock.advance(0);
    stop.abort();
    await running;
    expect(log).toEqual(['closed']);
  });
});
