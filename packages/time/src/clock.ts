/** Time as a parameter: everything that waits takes a clock, so that a test can control it. */
export interface Clock {
  /** Milliseconds since the epoch; never runs backwards, also when the wall clock is set. */
  now(): number;
  /**
   * Runs `callback` once after `delayMs`, which may be of any length; never after `Infinity`. The returned function
   * cancels it; calling that twice is fine. `inBackground`: waiting for it does not keep the process alive. Throws
   * `RangeError` for `NaN`.
   */
  schedule(delayMs: number, callback: () => void, inBackground?: boolean): () => void;
}

/** A number in [0, 1), as `Math.random` gives it. */
export type Random = () => number;

/** Throws a `RangeError` for what no clock can wait: `NaN`, or no number at all. */
export function checkDelay(delayMs: number): void {
  if ((typeof delayMs as unknown) === 'number' && !Number.isNaN(delayMs)) return;
  throw new RangeError(`${String(delayMs)} is not a time to wait`);
}

/** The longest time of one timer of Node: a longer one would run at once. */
const maxTimerMs = 2 ** 31 - 1;

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  schedule: (delayMs, callback, inBackground = false) => {
    checkDelay(delayMs);
    if (delayMs === Infinity) return () => undefined;
    let timer: NodeJS.Timeout;
    const start = (leftMs: number) => {
      timer = setTimeout(
        () => {
          if (leftMs > maxTimerMs) start(leftMs - maxTimerMs);
          else callback();
        },
        Math.min(leftMs, maxTimerMs),
      );
      if (inBackground) timer.unref();
    };
    start(delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
};
