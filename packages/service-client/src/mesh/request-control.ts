import { errors, type Dispatcher } from 'undici';
import type { RelayExchange } from './relay-exchange';

type RawHeaders = NonNullable<Dispatcher.DispatchController['rawHeaders']> | null;

/** What a handler of undici controls its request with, whichever attempt is answered in the end. */
export class RequestControl implements Dispatcher.DispatchController {
  readonly #abort = new AbortController();
  #exchange: RelayExchange | undefined;
  #paused = false;

  /** Aborts with `abort`. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get aborted(): boolean {
    return this.#abort.signal.aborted;
  }

  get reason(): Error | null {
    return this.aborted ? (this.#abort.signal.reason as Error) : null;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get rawHeaders(): RawHeaders {
    return this.#exchange?.controller?.rawHeaders ?? null;
  }

  get rawTrailers(): RawHeaders {
    return this.#exchange?.controller?.rawTrailers ?? null;
  }

  /** From now on it controls the response of this attempt. */
  follow(exchange: RelayExchange): void {
    this.#exchange = exchange;
  }

  abort(reason?: Error): void {
    this.#abort.abort(reason ?? new errors.RequestAbortedError());
  }

  pause(): void {
    this.#paused = true;
    this.#exchange?.controller?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#exchange?.controller?.resume();
  }
}
