import type { Clock } from '@movies/time';

interface Timer {
  readonly dueAt: number;
  /** Timers that are due at the same moment run in the order in which they were made. */
  readonly order: number;
  callback: (() => void) | undefined;
}

/**
 * A clock for simulations: `run` runs what falls due, and nothing in between. Unlike `ManualClock` it waits for no
 * promises, and a timer costs the logarithm of their number, so that millions of them take seconds.
 */
export class VirtualClock implements Clock {
  /** A binary heap, the next one first. */
  readonly #timers: Timer[] = [];
  #now = 1_000_000;
  #made = 0;

  now(): number {
    return this.#now;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    if (delayMs === Infinity) return () => undefined;
    this.#made += 1;
    const timer: Timer = { dueAt: this.#now + delayMs, order: this.#made, callback };
    this.#push(timer);
    return () => {
      timer.callback = undefined;
    };
  }

  run(forMs: number): void {
    const until = this.#now + forMs;
    for (let next = this.#timers[0]; next && next.dueAt <= until; next = this.#timers[0]) {
      this.#pop();
      this.#now = Math.max(this.#now, next.dueAt);
      next.callback?.();
    }
    this.#now = until;
  }

  #push(timer: Timer): void {
    const timers = this.#timers;
    let at = timers.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = timers[above];
      if (parent === undefined || !isBefore(timer, parent)) break;
      timers[at] = parent;
      at = above;
    }
    timers[at] = timer;
  }

  #pop(): void {
    const timers = this.#timers;
    const moved = timers.pop();
    if (moved === undefined || timers.length === 0) return;
    let at = 0;
    for (;;) {
      const below = 2 * at + 1;
      const left = timers[below];
      const right = timers[below + 1];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (!isBefore(child, moved)) break;
      timers[at] = child;
      at = isRight ? below + 1 : below;
    }
    timers[at] = moved;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.order < b.order);
}
