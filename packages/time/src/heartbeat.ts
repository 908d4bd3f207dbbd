import type { Clock, Random } from './clock';

/** All of them are required. */
export interface HeartbeatOptions {
  /** Milliseconds between the end of a beat and the next one. */
  readonly intervalMs: number;
  /** Share by which the interval varies either way: 0.1 is ± 10 %. */
  readonly jitter: number;
  /** One beat; must settle when the signal is aborted, and must not reject. */
  readonly beat: (signal: AbortSignal) => Promise<void>;
  /** Waits between two beats. */
  readonly clock: Clock;
  /** Draws the variation; called once per interval. */
  readonly random: Random;
}

/** Beats until it is stopped, one beat at a time. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #stop = new AbortController();
  #cancelTimer: () => void = () => undefined;
  #beating = false;
  /** The last beat; settled unless one is under way. */
  #running = Promise.resolve();
  #again = false;

  /** Begins at once: the first beat comes after one interval. */
  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** Beats at once; if a beat is under way, once more after it. */
  beatNow(): void {
    if (this.#stop.signal.aborted) return;
    if (this.#beating) {
      this.#again = true;
      return;
    }
    this.#beating = true;
    this.#cancelTimer();
    this.#running = this.#beat();
  }

  /** Ends the beats, the one under way included; resolves when it has settled. Twice is fine. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#cancelTimer();
    await this.#running;
  }

  async #beat(): Promise<void> {
    try {
      await this.#options.beat(this.#stop.signal);
    } catch {
      // The beat reports its own failures. The next beat must still be scheduled.
    }
    this.#beating = false;
    if (this.#stop.signal.aborted) return;
    if (this.#again) {
      this.#again = false;
      this.beatNow();
    } else {
      this.#schedule();
    }
  }

  #schedule(): void {
    const { intervalMs, jitter, clock, random } = this.#options;
    const delayMs = intervalMs * (1 + jitter * (2 * random() - 1));
    this.#cancelTimer = clock.schedule(delayMs, () => {
      this.beatNow();
    });
  }
}
