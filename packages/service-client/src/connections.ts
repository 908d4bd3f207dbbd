import { formatAddress, type Address } from '@movies/discovery';
import type { Clock } from '@movies/time';
import { buildConnector, errors, Pool, type Dispatcher } from 'undici';
import { Duplex } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';
import { scheduleLimit } from './standstill';
import type { TlsCredentials } from './tls-credentials';

export interface ConnectionOptions {
  readonly clock: Clock;
  /** Connections to one instance at most. */
  readonly maxConnections: number;
  /** Requests that wait for a connection to one instance at most. */
  readonly maxQueued: number;
  /** How long an idle connection is kept, in milliseconds; must be shorter than the server keeps it. */
  readonly keepAliveMs: number;
  /** How long a TCP connection may take, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Present: TLS. */
  readonly tls?: TlsCredentials | undefined;
}

/** A handshake takes more round trips than a connection, and the time of two processors. */
const handshakeFactor = 5;

/**
 * The connections to one instance, and the queue in front of them. The queue is not undici's: that one has no bound, and
 * keeps requests that were given up and opens connections for them.
 */
export class Connections {
  readonly #address: Address;
  readonly #options: ConnectionOptions;
  /** How to start each, and how to give it up, in the order in which they came. */
  readonly #waiting = new Map<() => void, () => void>();
  #busy = 0;
  #pool: Pool | undefined;

  constructor(address: Address, options: ConnectionOptions) {
    this.#address = address;
    this.#options = options;
  }

  /** Opened by the first request: it takes 18 kB, and of thousands of instances a client may call few. */
  get pool(): Pool {
    this.#pool ??= this.#open();
    return this.#pool;
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    const { tls } = this.#options;
    // By each request, or undici takes the name from its Host header, and opens another connection for each name.
    const named = tls === undefined ? options : { ...options, servername: tls.serverName };
    this.pool.dispatch(named, handler);
  }

  /** Whether one more request would find no place. */
  get isFull(): boolean {
    const { maxConnections, maxQueued } = this.#options;
    return this.#busy >= maxConnections && this.#waiting.size >= maxQueued;
  }

  /** Calls `start` once a connection is free for it, or `giveUp` if there will be none. */
  take(start: () => void, giveUp: () => void): void {
    if (this.#busy >= this.#options.maxConnections) {
      this.#waiting.set(start, giveUp);
      return;
    }
    this.#busy += 1;
    start();
  }

  /** Takes back a request that still waits. */
  leave(start: () => void): void {
    this.#waiting.delete(start);
  }

  /** A started request needs its connection no more. */
  give(): void {
    const [next] = this.#waiting.keys();
    if (next === undefined) this.#busy -= 1;
    else {
      this.#waiting.delete(next);
      next();
    }
  }

  /** By `destroy`: undici's `close` stays pending for ever if requests wait for a connection when it is cut short. */
  async destroy(): Promise<void> {
    // In a loop: each by the end of the one before would be a deep stack.
    for (const giveUp of [...this.#waiting.values()]) giveUp();
    await this.#pool?.destroy();
  }

  #open(): Pool {
    const { maxConnections, keepAliveMs, tls } = this.#options;
    return new Pool(`${tls === undefined ? 'http' : 'https'}://${formatAddress(this.#address)}`, {
      connections: maxConnections,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      connect: limitedConnector(this.#options),
      // Each request has its own limit, which covers both.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }
}

// undici gives the socket back, which its types do not tell.
type Connect = (...args: Parameters<buildConnector.connector>) => unknown;

/** A connector with a limit of its own, since undici's timers fire up to a second late. */
function limitedConnector({
  clock,
  connectTimeoutMs,
  tls,
}: ConnectionOptions): buildConnector.connector {
  let certificates: SecureContextOptions | undefined;
  let connect: Connect | undefined;
  return (options, callback) => {
    const now = tls?.get();
    // A connector resumes sessions, in which former certificates were shown and trusted.
    if (connect === undefined || now !== certificates) {
      connect = buildConnector({ ...now, timeout: 0, allowH2: false });
      certificates = now;
    }
    const limitMs =
      options.protocol === 'https:' ? handshakeFactor * connectTimeoutMs : connectTimeoutMs;
    let cancelLimit: () => void = () => undefined;
    const socket = connect(options, (...result) => {
      cancelLimit();
      callback(...result);
    });
    const limit = (isSecond: boolean): (() => void) =>
      scheduleLimit(clock, limitMs, (stoodStill) => {
        // A handshake takes more than the one reading of the sockets that there was since.
        if (stoodStill && !isSecond) cancelLimit = limit(true);
        else if (socket instanceof Duplex) {
          socket.destroy(new errors.ConnectTimeoutError(`no connection within ${limitMs} ms`));
        }
      });
    cancelLimit = limit(false);
  };
}
