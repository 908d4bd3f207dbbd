import { checkDelay, type Clock } from '../clock';

interface Timer {
  readonly dueAt: number;
  readonly callback: () => void;
}

/** A clock for tests: time stands until `advance` moves it, and timers run in the order they are due. */
export class ManualClock implements Clock {
  #now: number;
  readonly #timers = new Set<Timer>();

  constructor(startMs = 1_000_000) {
    this.#now = startMs;
  }

  /** How many timers wait; 0 once everything is closed. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer is due; `undefined` if none waits. */
  get nextInMs(): number | undefined {
    const [next] = [...this.#timers].map(({ dueAt }) => dueAt).sort((a, b) => a - b);
    return next === undefined ? undefined : next - this.#now;
  }

  now(): number {
    return this.#now;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    checkDelay(delayMs);
    // As the system's clock: no timer, since it would never run.
    if (delayMs === Infinity) return () => undefined;
    const timer = { dueAt: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** Moves time on and runs nothing, as an event loop that is blocked; `advance` runs what is overdue. */
  stall(byMs: number): void {
    this.#now += byMs;
  }

  /** Moves time on, running what falls due; promises settle between two timers. */
  async advance(byMs: number): Promise<void> {
    const until = this.#now + byMs;
    await settle();
    for (let timer = this.#next(until); timer !== undefined; timer = this.#next(until)) {
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.dueAt);
      timer.callback();
      await settle();
    }
    this.#now = until;
  }

  #next(until: number): Timer | undefined {
    return [...this.#timers]
      .filter((timer) => timer.dueAt <= until)
      .sort((a, b) => a.dueAt - b.dueAt)[0];
  }
}

/** Lets every promise that can settle do so, without waiting for any time to pass. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
