import type { Clock } from '@movies/time';
import type { Method, Request } from './request';

/** What became of a request. */
export interface Sample extends Request {
  /** The moment at which the request was due, in the clock's milliseconds. */
  readonly atMs: number;
  /** From that moment to the answer, or to the failure. */
  readonly latencyMs: number;
  /** `ok`, or the name of the failure. */
  readonly outcome: string;
}

export interface OpenLoopOptions {
  readonly perSecond: number;
  /** A request that has no answer this long after it was due has failed as `deadline`. */
  readonly limitMs: number;
  readonly methodOf: () => Method;
  /** Sends a request: `ok`, or the name of the failure. */
  readonly call: (request: Request) => Promise<string>;
  readonly clock: Clock;
}

interface Pending extends Request {
  readonly atMs: number;
  isSettled: boolean;
}

/**
 * Sends requests at fixed moments, whether or not earlier ones were answered. Latency counts from the moment at
 * which a request was due: a stall of this process or of the client is part of it, and not hidden.
 */
export class OpenLoop {
  readonly #options: OpenLoopOptions;
  readonly #samples: Sample[] = [];
  /** In the order of their moments. */
  #pending: Pending[] = [];
  #startedAt = 0;
  #sent = 0;
  #isStopping = false;
  #onEnd: () => void = () => undefined;

  constructor(options: OpenLoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#startedAt = this.#options.clock.now();
    this.#tick();
  }

  /** Sends nothing more. Resolves with all samples once each request has its outcome, which takes `limitMs` at most. */
  stop(): Promise<readonly Sample[]> {
    this.#isStopping = true;
    return new Promise((resolve) => {
      this.#onEnd = () => {
        resolve(this.#samples.toSorted((a, b) => a.id - b.id));
      };
    });
  }

  #tick(): void {
    const { clock } = this.#options;
    if (!this.#isStopping) {
      while (this.#dueAt(this.#sent) <= clock.now()) this.#send();
    }
    this.#giveUp(clock.now());
    if (this.#isStopping && this.#pending.length === 0) {
      this.#onEnd();
      return;
    }
    const nextAt = this.#isStopping ? clock.now() + 10 : this.#dueAt(this.#sent);
    clock.schedule(Math.max(0, nextAt - clock.now()), () => {
      this.#tick();
    });
  }

  #dueAt(id: number): number {
    return this.#startedAt + (id * 1000) / this.#options.perSecond;
  }

  #send(): void {
    const id = this.#sent;
    this.#sent += 1;
    const request = { id, method: this.#options.methodOf() };
    const pending = { ...request, atMs: this.#dueAt(id), isSettled: false };
    this.#pending.push(pending);
    this.#options.call(request).then(
      (outcome) => {
        this.#settle(pending, outcome);
      },
      (error: unknown) => {
        this.#settle(pending, `rejected: ${String(error)}`);
      },
    );
  }

  /** Fails those whose time is over, and forgets those that have their outcome. */
  #giveUp(now: number): void {
    let done = 0;
    for (const pending of this.#pending) {
      if (!pending.isSettled) {
        if (now - pending.atMs < this.#options.limitMs) break;
        this.#settle(pending, 'deadline');
      }
      done += 1;
    }
    this.#pending = this.#pending.slice(done);
  }

  #settle(pending: Pending, outcome: string): void {
    // The harness had given up: what comes later is too late.
    if (pending.isSettled) return;
    pending.isSettled = true;
    const { id, method, atMs } = pending;
    const latencyMs = this.#options.clock.now() - atMs;
    // Also when the answer came before the loop looked: the limit does not depend on the loop's pace.
    const isTooLate = latencyMs >= this.#options.limitMs;
    this.#samples.push({ id, method, atMs, latencyMs, outcome: isTooLate ? 'deadline' : outcome });
  }
}
