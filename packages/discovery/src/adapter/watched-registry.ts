import { systemClock, type Clock } from '@movies/time';
import { DiscoveryError } from '../discovery-error';
import type { Instance } from '../instance';
import type { FirstSyncOptions, Registry, ServiceWatch } from '../registry';
import type { Snapshot } from '../snapshot';
import { SnapshotStore, type SnapshotSink } from './snapshot-store';

/** A running feed. After `close` it is silent; the promise resolves when its sockets and timers are gone. */
export interface Feed {
  close(): Promise<void>;
}

export interface WatchedRegistryOptions {
  /** What an adapter adds: start to follow one service and put what is learnt into the sink. Never throws. */
  readonly openFeed: (service: string, sink: SnapshotSink) => Feed;
  /** Frees what the feeds share; called once, after the last feed has closed. */
  readonly release?: () => Promise<void>;
  /** The set is held in this process and cannot be old: its age is 0. */
  readonly neverOld?: boolean;
  readonly clock?: Clock;
}

interface SharedFeed {
  readonly store: SnapshotStore;
  readonly feed: Feed;
  watches: number;
}

/**
 * The part of a registry that is the same for every adapter: one feed a service however many watch it,
 * `discover` derived from `watch`, and an orderly end.
 */
export class WatchedRegistry implements Registry {
  readonly #options: WatchedRegistryOptions;
  readonly #clock: Clock;
  readonly #feeds = new Map<string, SharedFeed>();
  readonly #watches = new Set<Watch>();
  /** Held by `discover`, so that a second call asks nobody. */
  readonly #discovered = new Map<string, ServiceWatch>();
  #closing: Promise<void> | undefined;

  constructor(options: WatchedRegistryOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  watch(service: string): ServiceWatch {
    if (this.#closing !== undefined) {
      const unused = new Watch(new SnapshotStore(service, this.#clock), this.#clock, false, () =>
        Promise.resolve(),
      );
      void unused.close();
      return unused;
    }
    const shared = this.#feeds.get(service) ?? this.#open(service);
    shared.watches += 1;
    const watch = new Watch(
      shared.store,
      this.#clock,
      this.#options.neverOld ?? false,
      async () => {
        shared.watches -= 1;
        if (shared.watches === 0) {
          this.#feeds.delete(service);
          await shared.feed.close();
        }
        // Last, so that `close` of the registry waits for a watch that is closing already.
        this.#watches.delete(watch);
      },
    );
    this.#watches.add(watch);
    return watch;
  }

  async discover(
    service: string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<readonly Instance[]> {
    let watch = this.#discovered.get(service);
    if (watch === undefined) {
      watch = this.watch(service);
      if (this.#closing === undefined) this.#discovered.set(service, watch);
    }
    const { instances, failure, emptyBecause } = await watch.firstSync(options);
    if (instances.length > 0) return instances;
    throw new DiscoveryError(
      'no_instances',
      `no instance of '${service}' is registered: the set is known, and empty` +
        (emptyBecause === undefined ? '' : `: ${emptyBecause}`) +
        (failure === undefined ? '' : ` (and may be old: ${failure.message})`),
      { cause: failure },
    );
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    await Promise.all([...this.#watches].map((watch) => watch.close()));
    this.#discovered.clear();
    await this.#options.release?.();
  }

  #open(service: string): SharedFeed {
    const store = new SnapshotStore(service, this.#clock);
    const shared = { store, feed: this.#options.openFeed(service, store), watches: 0 };
    this.#feeds.set(service, shared);
    return shared;
  }
}

class Watch implements ServiceWatch {
  readonly #store: SnapshotStore;
  readonly #clock: Clock;
  readonly #neverOld: boolean;
  readonly #release: () => Promise<void>;
  /** What `close` must end: subscriptions and pending waits. */
  readonly #endings = new Set<() => void>();
  #closing: Promise<void> | undefined;

  constructor(store: SnapshotStore, clock: Clock, neverOld: boolean, release: () => Promise<void>) {
    this.#store = store;
    this.#clock = clock;
    this.#neverOld = neverOld;
    this.#release = release;
  }

  get service(): string {
    return this.#store.service;
  }

  get snapshot(): Snapshot | undefined {
    return this.#store.snapshot;
  }

  get failure(): DiscoveryError | undefined {
    return this.#closing === undefined ? this.#store.failure : this.#closedError();
  }

  get ageMs(): number | undefined {
    if (this.snapshot === undefined) return undefined;
    return this.#neverOld ? 0 : this.#clock.now() - this.snapshot.syncedAt;
  }

  get restarts(): ReadonlyMap<string, number> {
    return this.#store.restarts;
  }

  subscribe(listener: (snapshot: Snapshot) => void): () => void {
    if (this.#closing !== undefined) return () => undefined;
    const unsubscribe = this.#store.subscribe(listener);
    const end = () => {
      this.#endings.delete(end);
      unsubscribe();
    };
    this.#endings.add(end);
    return end;
  }

  firstSync({ signal, timeoutMs = 5000 }: FirstSyncOptions = {}): Promise<Snapshot> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) {
        reject(this.#closedError());
        return;
      }
      signal?.throwIfAborted();
      if (this.snapshot !== undefined) {
        resolve(this.snapshot);
        return;
      }
      const settle = (finish: () => void) => {
        unsubscribe();
        cancel();
        signal?.removeEventListener('abort', onAbort);
        this.#endings.delete(onClose);
        finish();
      };
      const onAbort = () => {
        settle(() => {
          reject(signal?.reason as Error);
        });
      };
      const onClose = () => {
        settle(() => {
          reject(this.#closedError());
        });
      };
      const cancel = this.#clock.schedule(timeoutMs, () => {
        settle(() => {
          reject(this.#notSyncedError(timeoutMs));
        });
      });
      const unsubscribe = this.#store.subscribe((snapshot) => {
        settle(() => {
          resolve(snapshot);
        });
      });
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#endings.add(onClose);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(): Promise<void> {
    // Before anything is awaited: silence begins when `close` is called.
    for (const end of [...this.#endings]) end();
    await this.#release();
  }

  #closedError(): DiscoveryError {
    return new DiscoveryError('closed', `the watch of '${this.service}' is closed`);
  }

  #notSyncedError(timeoutMs: number): DiscoveryError {
    const reason = this.#store.failure?.message ?? 'the registry has not answered yet';
    return new DiscoveryError(
      'registry_unavailable',
      `the instances of '${this.service}' are not known after ${timeoutMs} ms: ${reason}`,
      { cause: this.#store.failure },
    );
  }
}
