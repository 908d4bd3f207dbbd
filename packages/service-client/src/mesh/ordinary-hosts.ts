import type { Clock } from '@movies/time';
import { Agent, Pool, type Dispatcher } from 'undici';

/** Requests to hosts that are no services: an ordinary `Agent` of undici, that can be closed within a limit. */
export class OrdinaryHosts {
  readonly #clock: Clock;
  /** Those in use. The agent forgets them when it closes, so that its `destroy` breaks nothing any more. */
  readonly #pools = new Set<Pool>();
  /** Made by the first request. */
  #agent: Agent | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.#agent ??= new Agent({ factory: (origin, of) => this.#open(origin, of) });
    return this.#agent.dispatch(options, handler);
  }

  /** Takes no new requests, lets those under way finish for at most `limitMs`, and frees everything. */
  async close(limitMs: number): Promise<void> {
    const agent = this.#agent;
    if (agent === undefined) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.schedule(limitMs, resolve);
      // It may stay pending for ever if it is cut short.
      void agent.close().then(() => {
        cancel();
        resolve();
      });
    });
    await Promise.all([...this.#pools].map((pool) => pool.destroy()));
  }

  #open(origin: string | URL, options: object): Pool {
    for (const pool of this.#pools) if (pool.closed) this.#pools.delete(pool);
    const pool = new Pool(origin, options);
    this.#pools.add(pool);
    return pool;
  }
}
