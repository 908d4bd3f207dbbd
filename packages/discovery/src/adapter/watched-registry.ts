import { checkDuration, systemClock, type Clock, type Random } from '@movies/time';
import { DiscoveryError } from '../discovery-error';
import type { Instance } from '../instance';
import type { Registry, ServiceWatch, WaitOptions } from '../registry';
import { parseTarget, type Target } from '../target';
import { checkForms, checkOption, functionForm, objectForm, textForm } from './check-option';
import { Closing } from './closing';
import { HeldWatches } from './held-watches';
import { openSnapshotCache, type SnapshotCache } from './snapshot-cache';
import { SnapshotStore } from './snapshot-store';
import { SourceFailure } from './source-failure';
import { runSource, type Sink, type Source } from './source';
import { Watch } from './watch';

/** What every registry takes, whatever its adapter. */
export interface RegistryOptions {
  /**
   * How old the last good set may be while the registry fails, counted from its confirmation, in milliseconds; without
   * limit by default. After that the view is `unknown`. Registries confirm a quiet set about once a minute.
   */
  readonly maxStaleMs?: number | undefined;
  /**
   * Path of a folder that keeps the last good set of each target, so that a process which starts while the registry is
   * down can serve. It is made if it is not there. Registries may share it: a set is given back only to a registry that
   * asks the same server for the same. A set from it is marked `isFromCache`. None by default.
   */
  readonly snapshotCache?: string | undefined;
  /** The system's clock by default. */
  readonly clock?: Clock | undefined;
  /** Draws from [0, 1) for jitter; `Math.random` by default. */
  readonly random?: Random | undefined;
}

const optionForms = {
  snapshotCache: { allows: textForm.allows, expected: 'the path of a folder' },
  clock: objectForm('now', 'schedule'),
  random: functionForm,
};

/** What an adapter adds. */
export interface AdapterOptions {
  /** The adapter, as `consul`: its folder in the snapshot cache. */
  readonly name: string;
  /** Follows one target. Throws `invalid_target` for one that this registry cannot have; the watch then tells it. */
  readonly open: (target: Target, sink: Sink) => Source;
  /**
   * Which registry the sets of a target come from, and what of it is asked: all that makes the target another service
   * elsewhere, and no secret. The snapshot cache gives a set back to the same origin only, and names it in the file.
   * Without it the registry takes no `snapshotCache`.
   */
  readonly origin?: (target: Target) => string | Promise<string>;
  /** Frees what the sources share; called once, after the last source has ended. */
  readonly release?: () => Promise<void>;
  /** The set is held in this process and cannot be old: its age is 0. */
  readonly neverOld?: boolean;
  /** How long a source must work without a failure before its failures are forgotten; 120,000 by default. */
  readonly restMs?: number;
}

/** One source and its store, however many watches share them. */
interface Followed {
  readonly store: SnapshotStore;
  readonly end: () => Promise<void>;
  watches: number;
}

/**
 * The part of a registry that is the same for every adapter: one source per target however many watch it, `discover`
 * derived from `watch`, and an orderly end.
 */
export class WatchedRegistry implements Registry {
  readonly #adapter: AdapterOptions;
  readonly #options: RegistryOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #cache: SnapshotCache | undefined;
  readonly #followed = new Map<string, Followed>();
  readonly #watches = new Set<Watch>();
  readonly #held: HeldWatches;
  readonly #closing = new Closing();

  /** Throws `invalid_options`, naming the option. */
  constructor(adapter: AdapterOptions, options: RegistryOptions = {}) {
    checkForms(options, optionForms);
    this.#adapter = adapter;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    checkOption(() => {
      checkDuration('maxStaleMs', options.maxStaleMs);
    });
    this.#cache = openSnapshotCache(options.snapshotCache, adapter, this.#clock);
    this.#held = new HeldWatches((target) => this.watch(target), this.#clock);
  }

  /** From the first call of `close` on. */
  protected get isClosed(): boolean {
    return this.#closing.hasBegun;
  }

  watch(target: string, { signal }: { readonly signal?: AbortSignal } = {}): ServiceWatch {
    if (this.isClosed || signal?.aborted === true) return this.#closedWatch(target);
    const followed = this.#followed.get(target) ?? this.#follow(target);
    followed.watches += 1;
    const watch = new Watch({
      store: followed.store,
      clock: this.#clock,
      neverOld: this.#adapter.neverOld ?? false,
      release: async () => {
        followed.watches -= 1;
        if (followed.watches === 0) {
          this.#followed.delete(target);
          await followed.end();
        }
        // Last, so that `close` of the registry waits for a watch that is closing already.
        this.#watches.delete(watch);
      },
    });
    this.#watches.add(watch);
    watch.endWith(signal);
    return watch;
  }

  async discover(target: string, options: WaitOptions = {}): Promise<readonly Instance[]> {
    options.signal?.throwIfAborted();
    if (!this.isClosed) this.#held.keep(target);
    // A watch of its own, since the one that is held ends when many other targets are asked for.
    await using watch = this.watch(target);
    const { instances, failure, emptyBecause } = await watch.synced(options);
    if (instances.length > 0) return instances;
    throw new DiscoveryError(
      'no_instances',
      `no instance of '${target}' is registered: the set is known, and empty` +
        (emptyBecause === undefined ? '' : `: ${emptyBecause}`) +
        (failure === undefined ? '' : ` (and may be old: ${failure.message})`),
      { cause: failure },
    );
  }

  close(): Promise<void> {
    return this.#closing.close(async () => {
      this.#held.close();
      await Promise.all([...this.#watches].map((watch) => watch.close()));
      await this.#cache?.close();
      await this.#adapter.release?.();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #follow(target: string): Followed {
    const store = new SnapshotStore({
      service: target,
      clock: this.#clock,
      maxStaleMs: this.#options.maxStaleMs,
    });
    const source = this.#open(target, store);
    const stop = new AbortController();
    const forget = (source && this.#keep(target, store)) ?? (() => undefined);
    const running = source && this.#run(source, store, stop.signal);
    const followed = {
      store,
      watches: 0,
      end: async () => {
        stop.abort();
        forget();
        store.close();
        await running;
      },
    };
    this.#followed.set(target, followed);
    return followed;
  }

  /** `undefined` if the registry cannot have the target, which is then told. Any other trouble is told, and may end. */
  #open(target: string, store: SnapshotStore): Source | undefined {
    const open = () => this.#adapter.open(parseTarget(target), store);
    try {
      return open();
    } catch (error: unknown) {
      if (error instanceof DiscoveryError && error.code === 'invalid_target') {
        store.refuse(error);
        return undefined;
      }
      store.fail(SourceFailure.of(error));
      return openLater(open);
    }
  }

  #keep(target: string, store: SnapshotStore): (() => void) | undefined {
    const { origin } = this.#adapter;
    return origin && this.#cache?.keep(store, () => origin(parseTarget(target)));
  }

  #run(source: Source, sink: Sink, signal: AbortSignal): Promise<void> {
    const { restMs } = this.#adapter;
    const clock = this.#clock;
    const random = this.#random;
    return runSource(
      source,
      { sink, clock, random, ...(restMs === undefined ? {} : { restMs }) },
      signal,
    );
  }

  #closedWatch(target: string): Watch {
    const watch = new Watch({
      store: new SnapshotStore({ service: target, clock: this.#clock }),
      clock: this.#clock,
      neverOld: false,
      release: () => Promise.resolve(),
    });
    void watch.close();
    return watch;
  }
}

/** A source that is opened with its first turn that can. */
function openLater(open: () => Source): Source {
  let source: Source | undefined;
  return {
    turn: async (signal) => {
      source ??= open();
      return source.turn(signal);
    },
    close: () => {
      source?.close?.();
    },
  };
}
