import { formatAddress, type Clock, type Instance, type Random } from '@movies/discovery';
import { Pool } from 'undici';
import type { Attempt } from './attempt';
import { Ejection } from './ejection';
import { PeakEwma } from './peak-ewma';

export interface UpstreamOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Connections to one instance at most. */
  readonly maxConnections: number;
  /** How long an idle connection is kept; must be shorter than the server keeps it. */
  readonly keepAliveMs: number;
  readonly connectTimeoutMs: number;
}

/** What a client knows of one instance and holds for it: connections, load, latency, health. */
export class Upstream {
  readonly pool: Pool;
  readonly ejection: Ejection;
  readonly #clock: Clock;
  readonly #latency = new PeakEwma();
  #instance: Instance;
  #outstanding = 0;

  constructor(instance: Instance, options: UpstreamOptions) {
    this.#instance = instance;
    this.#clock = options.clock;
    this.ejection = new Ejection(options.random);
    this.pool = new Pool(`http://${formatAddress(instance)}`, {
      connections: options.maxConnections,
      keepAliveTimeout: options.keepAliveMs,
      keepAliveMaxTimeout: options.keepAliveMs,
      connect: { timeout: options.connectTimeoutMs },
    });
  }

  get instance(): Instance {
    return this.#instance;
  }

  /** Whether `instance` is this one in a new state; another address is another upstream. */
  is(instance: Instance): boolean {
    const { id, host, port } = this.#instance;
    return id === instance.id && host === instance.host && port === instance.port;
  }

  update(instance: Instance): void {
    this.#instance = instance;
  }

  /** What a call would cost here compared with elsewhere; the smaller is picked. */
  cost(now: number): number {
    if (this.ejection.onProbation && this.#outstanding > 0) return Number.POSITIVE_INFINITY;
    return this.#latency.cost(now, this.#outstanding) / this.#instance.weight;
  }

  /** Another one was picked instead. Nothing fades while a call is out that may yet prove it slow. */
  lose(): void {
    if (this.#outstanding === 0) this.#latency.lose();
  }

  start(): void {
    this.#outstanding += 1;
  }

  /** A call ended; `mayEject` says whether the others can do without this one. */
  finish({ outcome, durationMs }: Attempt, mayEject: () => boolean): void {
    const now = this.#clock.now();
    this.#outstanding -= 1;
    // A caller that gave up, or a refusal at once, says nothing of how fast an answer is.
    if (outcome !== 'aborted' && outcome !== 'refused') this.#latency.observe(durationMs, now);
    this.ejection.record(outcome, now, mayEject);
  }

  /** Lets what is under way finish, for at most `limitMs`, then closes the connections. */
  async drain(limitMs: number): Promise<void> {
    const cancel = this.#clock.schedule(limitMs, () => {
      void this.pool.destroy();
    });
    await this.pool.close();
    cancel();
  }
}
