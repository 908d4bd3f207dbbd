import { checkPeriod, Heartbeat, systemClock, type Clock, type Random } from '@movies/time';
import { checkForms, checkOption } from '../adapter/check-option';
import { WatchedRegistry } from '../adapter/watched-registry';
import { DiscoveryError } from '../discovery-error';
import { checkState, createInstance, type Instance } from '../instance';
import type { Registrar, Registration } from '../registrar';
import { refuseParts } from '../target';
import { BeatingInstances } from './beating-instances';

/** How long an instance lasts. All are optional. */
export interface MemoryRegistryOptions {
  /**
   * An instance whose last beat is older, in milliseconds, is taken out; it returns with its next beat. 5,000 by default;
   * `Infinity` takes none out.
   */
  readonly staleAfterMs?: number;
  /** Milliseconds between two beats of an instance; 1,000 by default. Less than `staleAfterMs`, or instances come and go. */
  readonly heartbeatMs?: number;
  /** The system's clock by default. */
  readonly clock?: Clock;
  /** Draws from [0, 1) for jitter; `Math.random` by default. */
  readonly random?: Random;
}

/** Both ports inside one process: for a laptop, and for tests. Shares nothing with other processes. */
export class MemoryRegistry extends WatchedRegistry implements Registrar {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #heartbeatMs: number;
  readonly #instances: BeatingInstances;
  readonly #heartbeats = new Set<Heartbeat>();

  /** Throws `invalid_options`, naming the option. */
  constructor(options: MemoryRegistryOptions = {}) {
    checkForms(options, {});
    const { staleAfterMs = 5000, heartbeatMs = 1000, clock = systemClock } = options;
    checkOption(() => {
      checkPeriod('staleAfterMs', staleAfterMs);
      checkPeriod('heartbeatMs', heartbeatMs);
    });
    const instances = new BeatingInstances(staleAfterMs, clock);
    super(
      {
        name: 'memory',
        open: (target, sink) => {
          refuseParts(target, 'a memory registry');
          return instances.source(target.service, sink);
        },
        neverOld: true,
      },
      options,
    );
    this.#clock = clock;
    this.#random = options.random ?? Math.random;
    this.#heartbeatMs = heartbeatMs;
    this.#instances = instances;
  }

  async register(
    instance: Instance,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Registration> {
    signal?.throwIfAborted();
    if (this.isClosed) throw new DiscoveryError('closed', 'the memory registry is closed');
    const standing = this.#instances.add(createInstance(instance));
    const heartbeat = new Heartbeat({
      intervalMs: this.#heartbeatMs,
      jitter: 0,
      clock: this.#clock,
      random: this.#random,
      beat: () => {
        standing.beat();
        return Promise.resolve();
      },
    });
    this.#heartbeats.add(heartbeat);
    const deregister = async () => {
      await heartbeat.stop();
      if (this.#heartbeats.delete(heartbeat)) standing.remove();
    };
    return {
      failure: undefined,
      report: (state) => {
        checkState(state);
        standing.state = state;
        heartbeat.beatNow();
      },
      deregister,
      [Symbol.asyncDispose]: deregister,
    };
  }

  override async close(): Promise<void> {
    // Together, since silence begins when `close` is called.
    const stopped = [...this.#heartbeats].map((heartbeat) => heartbeat.stop());
    await Promise.all([super.close(), ...stopped]);
  }
}
