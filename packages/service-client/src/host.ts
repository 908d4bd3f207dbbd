import type { Instance } from '@movies/discovery';
import { errors, type Dispatcher } from 'undici';
import type { Candidate } from './balancer/balancer';
import { Connections, type ConnectionOptions } from './connections';
import type { Exchange } from './exchange';
import type { HostHealth } from './health/host-health';

/** What a host needs of an exchange, whatever its body is. */
type Sendable = Dispatcher.DispatchHandler & Pick<Exchange, 'begin' | 'cancel' | 'over'>;

/** One instance, as a client uses it: connections, attempts under way, and what policies keep of it. */
export class Host<State = unknown> implements Candidate<State> {
  readonly health: HostHealth;
  /** What the balancer keeps. */
  state: State;
  /** Share of the traffic, relative to the other hosts. */
  weight: number;
  /** The last attempt that failed, for `explain`. */
  lastFailure: { readonly at: number; readonly what: string } | undefined;
  /** Until this moment, in milliseconds, it asked to be spared. */
  sparedUntil = 0;
  /** Whether it is in the set no more, and only finishes what is under way. */
  hasLeft = false;
  /** Time of the last response in milliseconds. */
  latencyMs: number | undefined;
  readonly #options: ConnectionOptions;
  readonly #connections: Connections;
  #instance: Instance;
  #inFlight = 0;
  #isFreed = false;
  #drained: Promise<void> | undefined;
  #settleDrained: () => void = () => undefined;
  #cancelLimit: () => void = () => undefined;

  constructor(instance: Instance, options: ConnectionOptions, health: HostHealth, state: State) {
    this.#instance = instance;
    this.#options = options;
    this.#connections = new Connections(instance, options);
    this.health = health;
    this.state = state;
    this.weight = instance.weight;
  }

  get instance(): Instance {
    return this.#instance;
  }

  /** Requests that hold a connection or wait for one. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Whether one more request would find neither a connection nor a place to wait for one. */
  get isFull(): boolean {
    return this.#connections.isFull;
  }

  /** Whether `instance` is this one in a new state; another address is another host. */
  is(instance: Instance): boolean {
    const { id, host, port } = this.#instance;
    return id === instance.id && host === instance.host && port === instance.port;
  }

  update(instance: Instance): void {
    this.#instance = instance;
    this.weight = instance.weight;
  }

  /** Sends what `request` gives once there is a connection; `exchange` hears how it goes. */
  send(exchange: Sendable, request: () => Dispatcher.DispatchOptions): void {
    this.#inFlight += 1;
    const start = () => {
      exchange.over = () => {
        this.#connections.give();
        this.#release();
      };
      exchange.begin();
      this.#connections.dispatch(request(), exchange);
    };
    exchange.over = () => {
      this.#connections.leave(start);
      this.#release();
    };
    this.#connections.take(start, () => {
      exchange.cancel('local', new errors.ClientDestroyedError());
    });
  }

  /** Lets requests under way finish, for at most `limitMs`, and frees everything; the last limit given counts. */
  drain(limitMs: number): Promise<void> {
    this.#drained ??= new Promise((resolve) => {
      this.#settleDrained = resolve;
    });
    this.#cancelLimit();
    if (this.#inFlight === 0) this.#free();
    else {
      this.#cancelLimit = this.#options.clock.schedule(limitMs, () => {
        this.#free();
      });
    }
    return this.#drained;
  }

  #release(): void {
    this.#inFlight -= 1;
    if (this.#inFlight === 0 && this.#drained !== undefined) this.#free();
  }

  #free(): void {
    if (this.#isFreed) return;
    this.#isFreed = true;
    this.#cancelLimit();
    void this.#connections.destroy().then(this.#settleDrained);
  }
}
