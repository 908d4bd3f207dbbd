/** Time as a parameter: everything that waits takes a clock, so that a test can own it. */
export interface Clock {
  /** Milliseconds since the epoch; never runs backwards, also when the wall clock is set. */
  now(): number;
  /** Runs `callback` once after `delayMs`. The returned function cancels it; calling that twice is fine. */
  schedule(delayMs: number, callback: () => void): () => void;
}

/** A number in [0, 1), as `Math.random` gives it. */
export type Random = () => number;

/** The clock of this machine. Its timers keep the process alive, so whoever waits must be closed. */
export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  schedule: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
};
