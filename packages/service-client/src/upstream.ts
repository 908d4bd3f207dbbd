import { formatAddress, type Instance } from '@movies/discovery';
import { type Clock, type Random } from '@movies/time';
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
  readonly ejection: Ejection;
  readonly #options: UpstreamOptions;
  readonly #clock: Clock;
  readonly #latency = new PeakEwma();
  #instance: Instance;
  #pool: Pool | undefined;
  #outstanding = 0;
  /** Picks lost since the last one that was won. */
  #losses = 0;
  #drained: Promise<void> | undefined;
  #settleDrained: () => void = () => undefined;
  #cancelLimit: () => void = () => undefined;

  constructor(instance: Instance, options: UpstreamOptions) {
    this.#instance = instance;
    this.#options = options;
    this.#clock = options.clock;
    this.ejection = new Ejection(options.random);
  }

  /** Opened by the first call: it takes 18 kB, and of thousands of instances a client may call few. */
  get pool(): Pool {
    this.#pool ??= this.#openPool();
    return this.#pool;
  }

  get instance(): Instance {
    return this.#instance;
  }

  get weight(): number {
    return this.#instance.weight;
  }

  /** Whether `instance` is this one in a new state; another address is another upstream. */
  is(instance: Instance): boolean {
    const { id, host, port } = this.#instance;
    return id === instance.id && host === instance.host && port === instance.port;
  }

  update(instance: Instance): void {
    this.#instance = instance;
  }

  /** What a call would cost here compared with elsewhere, weights apart. */
  cost(now: number): number {
    if (this.ejection.onProbation && this.#outstanding > 0) return Number.POSITIVE_INFINITY;
    return this.#latency.cost(now, this.#outstanding);
  }

  /**
   * How much it is due, where costs are equal: it grows with each pick lost, by the weight. A little more than
   * 1 to start with, so that of 1 to 3 the lighter one waits three turns and not sometimes two.
   */
  get claim(): number {
    return (this.#losses + 1.01) * this.weight;
  }

  /** Another one was picked instead. Nothing fades while a call is out that may yet prove it slow. */
  lose(): void {
    this.#losses += 1;
    if (this.#outstanding === 0) this.#latency.lose();
  }

  start(): void {
    this.#losses = 0;
    this.#outstanding += 1;
  }

  /** A call ended; `mayEject` says whether the others can do without this one. */
  finish({ outcome, durationMs }: Attempt, mayEject: () => boolean): void {
    const now = this.#clock.now();
    if (outcome === 'ok') this.#latency.observe(durationMs, now);
    else if (outcome === 'aborted') this.#latency.observeAtLeast(durationMs, now);
    else this.#latency.observeFailure(durationMs, now);
    // What comes back is tried at once, by the one call that probation lets through.
    if (this.ejection.record(outcome, now, mayEject)) this.#latency.forget();
    this.release();
  }

  /** A call that was started is over and teaches nothing. */
  release(): void {
    this.#outstanding -= 1;
    if (this.#outstanding === 0 && this.#drained !== undefined) this.#free();
  }

  /** Lets calls under way finish, for at most `limitMs`, and frees everything; the last limit given counts. */
  drain(limitMs: number): Promise<void> {
    this.#drained ??= new Promise((resolve) => {
      this.#settleDrained = resolve;
    });
    this.#cancelLimit();
    if (this.#outstanding === 0) this.#free();
    else {
      this.#cancelLimit = this.#clock.schedule(limitMs, () => {
        this.#free();
      });
    }
    return this.#drained;
  }

  /** By `destroy`: undici's `close` stays pending for ever if requests wait for a connection when it is cut short. */
  #free(): void {
    this.#cancelLimit();
    if (this.#pool === undefined) this.#settleDrained();
    else void this.#pool.destroy().then(this.#settleDrained);
  }

  #openPool(): Pool {
    const { maxConnections, keepAliveMs, connectTimeoutMs } = this.#options;
    return new Pool(`http://${formatAddress(this.#instance)}`, {
      connections: maxConnections,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      connect: { timeout: connectTimeoutMs },
      // Each attempt has its own limit, which covers both.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }
}
