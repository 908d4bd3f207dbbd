import { Heartbeat } from './heartbeat';
import { ManualClock } from './testing/manual-clock';

/** A heartbeat whose beats last until they are ended; `times` are milliseconds from the start. */
function open(options: { jitter?: number; random?: () => number; lasting?: boolean } = {}) {
  const clock = new ManualClock();
  const startedAt = clock.now();
  const times: number[] = [];
  const signals: AbortSignal[] = [];
  const ends: (() => void)[] = [];
  const heartbeat = new Heartbeat({
    intervalMs: 3000,
    jitter: options.jitter ?? 0,
    clock,
    random: options.random ?? (() => 0.5),
    beat: (signal) => {
      times.push(clock.now() - startedAt);
      signals.push(signal);
      if (options.lasting !== true) return Promise.resolve();
      return new Promise((resolve) => {
        ends.push(resolve);
        signal.addEventListener('abort', () => {
          resolve();
        });
      });
    },
  });
  return { heartbeat, clock, times, signals, endBeat: () => ends.shift()?.() };
}

describe('Heartbeat', () => {
  it('beats after each interval, the first one after the first interval', async () => {
    const { heartbeat, clock, times } = open();
    await clock.advance(9000);
    expect(times).toEqual([3000, 6000, 9000]);
    await heartbeat.stop();
  });

  it.each([
    [0, 2700],
    [0.5, 3000],
    [1, 3300],
  ])('varies the interval by its jitter: a draw of %d makes %d ms', async (draw, expected) => {
    const { heartbeat, clock, times } = open({ jitter: 0.1, random: () => draw });
    await clock.advance(4000);
    expect(times).toEqual([expected]);
    await heartbeat.stop();
  });

  it('beats one at a time, and counts the interval from the end of a beat', async () => {
    const { heartbeat, clock, times, endBeat } = open({ lasting: true });
    await clock.advance(10_000);
    expect(times).toEqual([3000]);
    endBeat();
    await clock.advance(3000);
    expect(times).toEqual([3000, 13_000]);
    await heartbeat.stop();
  });

  it('beats at once when told to, and then after a whole interval', async () => {
    const { heartbeat, clock, times } = open();
    await clock.advance(1000);
    heartbeat.beatNow();
    await clock.advance(3000);
    expect(times).toEqual([1000, 4000]);
    await heartbeat.stop();
  });

  it('beats once more after the beat under way, however often it was told to', async () => {
    const { heartbeat, clock, times, endBeat } = open({ lasting: true });
    heartbeat.beatNow();
    heartbeat.beatNow();
    heartbeat.beatNow();
    await clock.advance(500);
    expect(times).toEqual([0]);
    endBeat();
    await clock.advance(500);
    expect(times).toEqual([0, 500]);
    endBeat();
    await clock.advance(500);
    expect(times).toEqual([0, 500]);
    await heartbeat.stop();
  });

  it('does not nest when a beat asks for another', async () => {
    const clock = new ManualClock();
    let beats = 0;
    let depth = 0;
    const heartbeat = new Heartbeat({
      intervalMs: 3000,
      jitter: 0,
      clock,
      random: Math.random,
      beat: () => {
        beats += 1;
        depth += 1;
        expect(depth).toBe(1);
        if (beats === 1) heartbeat.beatNow();
        depth -= 1;
        return Promise.resolve();
      },
    });
    heartbeat.beatNow();
    await clock.advance(0);
    expect(beats).toBe(2);
    await heartbeat.stop();
  });

  it('ends the beat under way when it is stopped, and beats no more', async () => {
    const { heartbeat, clock, times, signals } = open({ lasting: true });
    heartbeat.beatNow();
    heartbeat.beatNow();
    await heartbeat.stop();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    heartbeat.beatNow();
    await clock.advance(60_000);
    expect(times).toEqual([0]);
    expect(clock.pending).toBe(0);
  });

  it('can be stopped twice, also between two beats', async () => {
    const { heartbeat, clock, times } = open();
    await Promise.all([heartbeat.stop(), heartbeat.stop()]);
    await heartbeat.stop();
    expect(clock.pending).toBe(0);
    await clock.advance(60_000);
    expect(times).toEqual([]);
  });
});
