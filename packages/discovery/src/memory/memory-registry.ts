import { systemClock, type Clock, type Random, Heartbeat } from '@movies/time';
import { DiscoveryError } from '../discovery-error';
import { createInstance, type Instance } from '../instance';
import type { Registrar, Registration } from '../registrar';
import type { Registry, ServiceWatch } from '../registry';
import type { SnapshotSink } from '../adapter/snapshot-store';
import { WatchedRegistry } from '../adapter/watched-registry';

export interface MemoryRegistryOptions {
  /** An instance whose last beat is older is taken out; it returns with its next beat. 5,000 by default. */
  readonly staleAfterMs?: number;
  /** 1,000 by default. */
  readonly heartbeatMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

interface Entry {
  readonly instance: Instance;
  readonly beatAt: number;
}

/** Both ports inside one process: for a laptop, and for tests. Shares nothing with other processes. */
export class MemoryRegistry implements Registry, Registrar {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #staleAfterMs: number;
  readonly #heartbeatMs: number;
  readonly #services = new Map<string, Map<string, Entry>>();
  readonly #sinks = new Map<string, SnapshotSink>();
  readonly #heartbeats = new Set<Heartbeat>();
  readonly #watched: WatchedRegistry;
  readonly #cancelPrune = new Map<string, () => void>();
  #closed = false;

  constructor(options: MemoryRegistryOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#staleAfterMs = options.staleAfterMs ?? 5000;
    this.#heartbeatMs = options.heartbeatMs ?? 1000;
    this.#watched = new WatchedRegistry({
      openFeed: (service, sink) => this.#openFeed(service, sink),
      neverOld: true,
      clock: this.#clock,
    });
  }

  watch(service: string): ServiceWatch {
    return this.#watched.watch(service);
  }

  discover(
    service: string,
    options?: { readonly signal?: AbortSignal },
  ): Promise<readonly Instance[]> {
    return this.#watched.discover(service, options);
  }

  async register(
    instance: Instance,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Registration> {
    signal?.throwIfAborted();
    if (this.#closed) throw new DiscoveryError('closed', 'the memory registry is closed');
    let current = createInstance(instance);
    this.#put(current);
    const heartbeat = new Heartbeat({
      intervalMs: this.#heartbeatMs,
      jitter: 0,
      clock: this.#clock,
      random: this.#random,
      beat: () => {
        this.#put(current);
        return Promise.resolve();
      },
    });
    this.#heartbeats.add(heartbeat);
    return {
      failure: undefined,
      reportHealth: (healthy) => {
        current = createInstance({ ...current, state: healthy ? 'ready' : 'not_ready' });
        heartbeat.beatNow();
      },
      deregister: async () => {
        await heartbeat.stop();
        if (this.#heartbeats.delete(heartbeat)) this.#remove(current);
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#heartbeats].map((heartbeat) => heartbeat.stop()));
    await this.#watched.close();
  }

  #openFeed(service: string, sink: SnapshotSink) {
    this.#sinks.set(service, sink);
    this.#prune(service);
    return {
      close: () => {
        this.#cancelPrune.get(service)?.();
        this.#cancelPrune.delete(service);
        this.#sinks.delete(service);
        return Promise.resolve();
      },
    };
  }

  #put(instance: Instance): void {
    const entries = this.#services.get(instance.service) ?? new Map<string, Entry>();
    this.#services.set(instance.service, entries);
    entries.set(instance.id, { instance, beatAt: this.#clock.now() });
    this.#publish(instance.service);
  }

  #remove(instance: Instance): void {
    const entries = this.#services.get(instance.service);
    entries?.delete(instance.id);
    if (entries?.size === 0) this.#services.delete(instance.service);
    this.#publish(instance.service);
  }

  /**
   * Takes out what is stale. Only here and not with every beat: after the event loop was blocked all
   * beats are late, and the first of them would take out the others.
   */
  #prune(service: string): void {
    const entries = this.#services.get(service);
    const now = this.#clock.now();
    for (const [id, { beatAt }] of entries ?? []) {
      if (beatAt + this.#staleAfterMs < now) entries?.delete(id);
    }
    if (entries?.size === 0) this.#services.delete(service);
    this.#publish(service);
  }

  /** Tells what is known, and prunes when the next instance could be stale. */
  #publish(service: string): void {
    const sink = this.#sinks.get(service);
    if (sink === undefined) return;
    const entries = [...(this.#services.get(service)?.values() ?? [])];
    this.#cancelPrune.get(service)?.();
    this.#cancelPrune.delete(service);
    if (entries.length > 0) {
      const staleAt = Math.min(...entries.map(({ beatAt }) => beatAt)) + this.#staleAfterMs;
      const prune = this.#clock.schedule(staleAt - this.#clock.now() + 1, () => {
        this.#prune(service);
      });
      this.#cancelPrune.set(service, prune);
    }
    sink.publish(entries.map(({ instance }) => instance));
  }
}
