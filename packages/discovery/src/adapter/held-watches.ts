import type { Clock } from '@movies/time';
import type { ServiceWatch } from '../registry';

/** A target that was not asked for during this time is not watched any more. */
const idleMs = 60_000;
/** More are not held at once: a program may take names from its callers. */
const maxHeld = 256;

interface Held {
  readonly watch: ServiceWatch;
  usedAt: number;
}

/** The watches that `discover` holds so that a later call asks the registry nothing: those that were used last. */
export class HeldWatches {
  readonly #open: (target: string) => ServiceWatch;
  readonly #clock: Clock;
  /** In the order of their use, the oldest first. */
  readonly #held = new Map<string, Held>();
  #cancelSweep: (() => void) | undefined;

  constructor(open: (target: string) => ServiceWatch, clock: Clock) {
    this.#open = open;
    this.#clock = clock;
  }

  keep(target: string): void {
    const held = this.#held.get(target) ?? { watch: this.#open(target), usedAt: 0 };
    held.usedAt = this.#clock.now();
    this.#held.delete(target);
    this.#held.set(target, held);
    if (this.#held.size > maxHeld) this.#release(this.#held.keys().next().value);
    this.#sweepIn(idleMs);
  }

  /** Forgets them all; the registry closes them with its other watches. */
  close(): void {
    this.#cancelSweep?.();
    this.#held.clear();
  }

  readonly #sweep = (): void => {
    this.#cancelSweep = undefined;
    const now = this.#clock.now();
    for (const [target, { usedAt }] of this.#held) {
      if (usedAt + idleMs > now) break;
      this.#release(target);
    }
    const [oldest] = this.#held.values();
    if (oldest === undefined) return;
    this.#sweepIn(oldest.usedAt + idleMs - now);
  };

  #sweepIn(ms: number): void {
    this.#cancelSweep ??= this.#clock.schedule(ms, this.#sweep, true);
  }

  #release(target: string | undefined): void {
    if (target === undefined) return;
    void this.#held.get(target)?.watch.close();
    this.#held.delete(target);
  }
}
