import type { Clock } from './clock';

/**
 * A signal of its own that aborts with its parent, or when its time is up. Dispose of it when the work is
 * done. (AbortSignal.any would keep its dependants alive: nodejs/node#54614.)
 */
export class LimitedSignal implements Disposable {
  readonly #parent: AbortSignal;
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  #cancel: () => void = () => undefined;
  #timedOut = false;

  /**
   * `timeoutMs` is of any length; `Infinity` sets no limit. Throws the parent's reason if it is aborted already, and a
   * `RangeError` for `NaN`.
   */
  constructor(parent: AbortSignal, timeoutMs: number, clock: Clock) {
    parent.throwIfAborted();
    this.#parent = parent;
    this.#clock = clock;
    parent.addEventListener('abort', this.#abort, { once: true });
    this.restart(timeoutMs);
  }

  /** Aborts at most once. Its reason is an `AbortError`, also where the parent has another one. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it was the time, and not the parent, that ended it. */
  get timedOut(): boolean {
    return this.#timedOut;
  }

  /** Begins the limit anew: it is over in `timeoutMs` milliseconds from now. Throws a `RangeError` for `NaN`. */
  restart(timeoutMs: number): void {
    this.#cancel();
    this.#cancel = this.#clock.schedule(timeoutMs, () => {
      this.#timedOut = true;
      this.#abort();
    });
  }

  /** What the promise settles to, or a rejection as soon as the signal aborts; the promise itself goes on. */
  race<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this;
    return new Promise((resolve, reject) => {
      const abort = () => {
        reject(signal.reason as Error);
      };
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
      promise.then(resolve, reject).finally(() => {
        signal.removeEventListener('abort', abort);
      });
    });
  }

  [Symbol.dispose](): void {
    this.#cancel();
    this.#parent.removeEventListener('abort', this.#abort);
  }

  readonly #abort = () => {
    this.#cancel();
    this.#controller.abort();
  };
}
