import { checkDuration, type Clock } from '@movies/time';
import { DiscoveryError } from '../discovery-error';
import type { ServiceWatch, WaitOptions } from '../registry';
import type { Closed, Snapshot, Unknown, View } from '../view';
import { checkOption } from './check-option';
import { Closing } from './closing';
import type { SnapshotStore } from './snapshot-store';

export interface WatchOptions {
  readonly store: SnapshotStore;
  readonly clock: Clock;
  readonly neverOld: boolean;
  /** Called once, when the watch closes. */
  readonly release: () => Promise<void>;
}

const closed: Closed = Object.freeze({ state: 'closed' });

/** Shows the store of one target, until the watch is closed. */
export class Watch implements ServiceWatch {
  readonly #options: WatchOptions;
  /** Called when the watch closes. */
  readonly #endings = new Set<() => void>();
  readonly #closing = new Closing();

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  get service(): string {
    return this.#options.store.service;
  }

  get view(): View {
    return this.#closing.hasBegun ? closed : this.#options.store.view;
  }

  get ageMs(): number | undefined {
    const { store, clock, neverOld } = this.#options;
    if (this.#closing.hasBegun || store.view.state === 'unknown') return undefined;
    return neverOld ? 0 : Math.max(0, clock.now() - store.view.confirmedAt);
  }

  get failures(): ReadonlyMap<string, number> {
    return this.#options.store.failures;
  }

  subscribe(
    listener: (view: View) => void,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): () => void {
    if (signal?.aborted === true) return () => undefined;
    const { store } = this.#options;
    let isOver = false;
    let hasHeard = false;
    const hear = (view: View) => {
      if (isOver) return;
      hasHeard = true;
      tell(listener, view, this.service);
    };
    const end = () => {
      isOver = true;
      this.#endings.delete(onClose);
      unsubscribe();
      signal?.removeEventListener('abort', end);
    };
    const onClose = () => {
      hear(closed);
      end();
    };
    const unsubscribe = store.subscribe(hear);
    signal?.addEventListener('abort', end, { once: true });
    this.#endings.add(onClose);
    // Later, so that the caller has the function that is returned here.
    queueMicrotask(() => {
      if (this.#closing.hasBegun) onClose();
      else if (!hasHeard && saysSomething(store.view)) hear(store.view);
    });
    return end;
  }

  async synced({
    signal,
    timeoutMs = 5000,
    failFast = false,
  }: WaitOptions = {}): Promise<Snapshot> {
    checkOption(() => {
      checkDuration('timeoutMs', timeoutMs);
    });
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      /** Settles the wait if `view` does; true if it did. */
      const settles = (view: View): boolean => {
        if (view.state === 'known') {
          resolve(view);
        } else if (view.state === 'closed') {
          reject(new DiscoveryError('closed', `the watch of '${this.service}' is closed`));
        } else if (view.failure?.code === 'invalid_target') {
          reject(view.failure);
        } else if (failFast && view.failure !== undefined) {
          reject(this.#notKnown('', view));
        } else {
          return false;
        }
        return true;
      };
      if (settles(this.view)) return;
      const { store, clock } = this.#options;
      const end = () => {
        unsubscribe();
        cancel();
        signal?.removeEventListener('abort', onAbort);
        this.#endings.delete(onClose);
      };
      const hear = (view: View) => {
        if (settles(view)) end();
      };
      const onClose = () => {
        hear(closed);
      };
      const onAbort = () => {
        end();
        reject(signal?.reason as Error);
      };
      const cancel = clock.schedule(timeoutMs, () => {
        end();
        reject(this.#notKnown(` after ${timeoutMs} ms`, store.view));
      });
      const unsubscribe = store.subscribe(hear);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#endings.add(onClose);
    });
  }

  /** Not a generator, whose `return` would wait for the `next` that is under way. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Snapshot, void, void> {
    const done = { done: true, value: undefined } as const;
    let isOver = false;
    let hasNews = false;
    // Several calls of `next` may wait at once.
    let waiting: (() => void)[] = [];
    const wake = () => {
      const woken = waiting;
      waiting = [];
      for (const resume of woken) resume();
    };
    const unsubscribe = this.subscribe(() => {
      hasNews = true;
      wake();
    });
    const next = async (): Promise<IteratorResult<Snapshot, void>> => {
      for (;;) {
        const { view } = this;
        if (isOver || view.state === 'closed') return done;
        if (hasNews && view.state === 'known') {
          hasNews = false;
          return { done: false, value: view };
        }
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
        });
      }
    };
    const iterator = {
      next,
      return: () => {
        isOver = true;
        unsubscribe();
        wake();
        return Promise.resolve(done);
      },
      [Symbol.asyncIterator]: () => iterator,
      [Symbol.asyncDispose]: async () => {
        await iterator.return();
      },
    };
    return iterator;
  }

  /** Closes when the signal is aborted, too. */
  endWith(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const close = () => {
      void this.close();
    };
    signal.addEventListener('abort', close, { once: true });
    this.#endings.add(() => {
      signal.removeEventListener('abort', close);
    });
  }

  close(): Promise<void> {
    return this.#closing.close(() => {
      // Before anything is awaited: silence begins when `close` is called.
      for (const end of [...this.#endings]) end();
      return this.#options.release();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #notKnown(when: string, { failure }: Unknown | Snapshot): DiscoveryError {
    const reason = failure?.message ?? 'the registry has not answered yet';
    return new DiscoveryError(
      'registry_unavailable',
      `the instances of '${this.service}' are not known${when}: ${reason}`,
      { cause: failure },
    );
  }
}

function saysSomething(view: Unknown | Snapshot): boolean {
  return view.state === 'known' || view.failure !== undefined;
}

function tell(listener: (view: View) => void, view: View, service: string): void {
  try {
    listener(view);
  } catch (error: unknown) {
    // A warning neither ends the process nor is lost, and the other listeners are still called.
    // As text: for an Error object Node ignores code and detail.
    process.emitWarning(`a listener of service '${service}' threw: ${String(error)}`, {
      code: 'DISCOVERY_LISTENER',
      ...(error instanceof Error && error.stack !== undefined ? { detail: error.stack } : {}),
    });
  }
}
