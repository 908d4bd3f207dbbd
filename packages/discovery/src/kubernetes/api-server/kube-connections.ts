import type { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import { getCACertificates, TLSSocket } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { buildConnector, Client, Pool, type Dispatcher } from 'undici';
import type { KubeTls } from '../access/kube-access';
import { connectToProxy, proxyAuthorization } from './proxy-tunnel';

const connectMs = 5000;
/** How often undici asks an HTTP/2 connection whether it is alive, in real time. */
const pingMs = 5000;
/** A connection that is alive brings something in this real time, the answer to a ping at least. */
const silentMs = 8000;

/** How many bytes each connection of a pool had brought at a moment. */
export type ConnectionMark = ReadonlyMap<TLSSocket, number>;

/** What is known of a connection that requests share. */
interface Connection {
  readonly pool: Dispatcher;
  bytes: number;
  /** When the bytes were seen to change, by `performance.now()`. */
  changedAt: number;
}

/**
 * The connections to the API server: one over HTTP/2 for all watches and lists where the server speaks it (one for every
 * hundred), else one for each request that is under way.
 */
export class KubeConnections {
  /** Every pool that is not closed, and what tells that a server sent it away. */
  readonly #pools = new Map<Dispatcher, AbortController>();
  /** Every socket that is not closed, connected or not. */
  readonly #sockets = new Set<Duplex>();
  /** Those over which requests share an HTTP/2 connection. */
  readonly #shared = new Map<TLSSocket, Connection>();
  readonly #connectErrors = new WeakSet<object>();
  /** The pool for new requests; the others finish what they have. */
  #present: { readonly pool: Dispatcher; readonly target: readonly unknown[] } | undefined;

  /** The pool to this server, made with these certificates, through this proxy if there is one. */
  poolFor(origin: string, tls: KubeTls, proxy?: string): Dispatcher {
    const present = this.#present;
    const target = [origin, tls, proxy];
    if (present !== undefined && isDeepStrictEqual(target, present.target)) return present.pool;
    const pool = this.#open(origin, tls, proxy === undefined ? undefined : new URL(proxy));
    this.#present = { pool, target };
    if (present !== undefined) this.#finish(present.pool);
    return pool;
  }

  /** What the pool's connections have brought so far, of those that requests share. */
  mark(pool: Dispatcher): ConnectionMark {
    const mark = new Map<TLSSocket, number>();
    for (const [socket, connection] of this.#shared) {
      if (connection.pool !== pool) continue;
      if (connection.bytes !== socket.bytesRead) {
        connection.bytes = socket.bytesRead;
        connection.changedAt = performance.now();
      }
      mark.set(socket, connection.bytes);
    }
    return mark;
  }

  /**
   * Sends no new request over the pool if one of its connections has brought nothing since the mark, or left
   * pings without a response: it may be dead. Requests under way keep it, and end by their own deadlines.
   */
  retireIfSilent(pool: Dispatcher, before: ConnectionMark): void {
    const isSilent = [...this.mark(pool)].some(([socket, bytes]) => {
      const changedAt = this.#shared.get(socket)?.changedAt ?? 0;
      return before.get(socket) === bytes || performance.now() - changedAt >= silentMs;
    });
    if (isSilent) this.#retire(pool);
  }

  /**
   * Aborts when the server sends GOAWAY. Responses that have begun go on. Requests without a response have to be sent
   * again over another pool: the server may not have taken them, and undici 8.12 keeps them, and any new one, waiting
   * on that client until all that is under way has ended; for an open watch that is minutes.
   */
  sentAway(pool: Dispatcher): AbortSignal | undefined {
    return this.#pools.get(pool)?.signal;
  }

  /** Whether this is why no connection was made. */
  isConnectError(error: unknown): boolean {
    return typeof error === 'object' && error !== null && this.#connectErrors.has(error);
  }

  /** Breaks all connections. */
  async close(): Promise<void> {
    this.#present = undefined;
    const ended = [...this.#pools.keys()].map((pool) => pool.destroy());
    // undici leaves those that connect to their timeout, and does not know those that had GOAWAY any more.
    for (const socket of this.#sockets) socket.destroy(new Error('no longer wanted'));
    await Promise.all(ended);
  }

  #open(origin: string, tls: KubeTls, proxy: URL | undefined): Pool {
    const options: Pool.Options = {
      allowH2: true,
      h2Options: { pingInterval: pingMs },
      connect: this.#connector(() => pool, tls, proxy),
      // A watch may be silent for a minute; the signal of each request bounds it instead.
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    const pool: Pool =
      proxy !== undefined && isForwarding(proxy, origin)
        ? new ForwardingPool(origin, options, proxy)
        : new Pool(origin, options);
    pool.on('connect', (_origin, [, client]) => {
      // A client that connects again has it already. The types of undici do not know the event.
      const pinged: EventEmitter | undefined = client;
      if (pinged?.listenerCount('ping') === 0) pinged.on('ping', () => this.mark(pool));
    });
    const sentAway = new AbortController();
    pool.on('disconnect', (_origin, [, client]) => {
      // The connection is not closed yet, for what is under way: the server sent GOAWAY (RFC 9113, 6.8).
      if (!(client instanceof Client) || client.stats.running === 0) return;
      this.#retire(pool);
      // undici has to come to an end with the frame.
      queueMicrotask(() => {
        sentAway.abort();
      });
    });
    this.#pools.set(pool, sentAway);
    return pool;
  }

  /** Makes the connections of a pool: a socket of its own, or a tunnel of the proxy, and TLS over it. */
  #connector(pool: () => Pool, tls: KubeTls, proxy: URL | undefined): buildConnector.connector {
    const connect: (...args: Parameters<buildConnector.connector>) => unknown = buildConnector({
      allowH2: true,
      timeout: connectMs,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      ...tls,
    });
    return (options, callback) => {
      const end: buildConnector.Callback = (...result) => {
        const [error, connected] = result;
        if (error !== null) this.#connectErrors.add(error);
        else if (connected instanceof TLSSocket && connected.alpnProtocol === 'h2') {
          this.#shared.set(connected, { pool: pool(), bytes: 0, changedAt: performance.now() });
        }
        callback(...result);
      };
      if (proxy === undefined) {
        this.#keep(connect(options, end));
        return;
      }
      connectToProxy(proxy, isForwarding(proxy, options.protocol) ? undefined : endOf(options), {
        tls: proxyTls(tls),
        timeoutMs: connectMs,
        onSocket: (socket) => {
          this.#keep(socket);
        },
      }).then(
        (socket) => {
          if (options.protocol !== 'https:') {
            end(null, socket);
            return;
          }
          this.#keep(connect({ ...options, httpSocket: socket }, end));
          // It ends with the one over it, and not before: that would be no failure for the requests.
          this.#sockets.delete(socket);
        },
        (error: unknown) => {
          end(error as Error, null);
        },
      );
    };
  }

  /** Until it is closed. */
  #keep(socket: unknown): void {
    if (!(socket instanceof Duplex)) return;
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (socket instanceof TLSSocket) this.#shared.delete(socket);
    });
  }

  #retire(pool: Dispatcher): void {
    if (this.#present?.pool !== pool) return;
    this.#present = undefined;
    this.#finish(pool);
  }

  #finish(pool: Dispatcher): void {
    void pool.close().then(() => this.#pools.delete(pool));
  }
}

/** Sends each request to a proxy, which sends it on. */
class ForwardingPool extends Pool {
  readonly #headers: Readonly<Record<string, string>>;
  readonly #origin: string;

  constructor(origin: string, options: Pool.Options, proxy: URL) {
    super(origin, options);
    const authorization = proxyAuthorization(proxy);
    this.#origin = origin;
    this.#headers = authorization === undefined ? {} : { 'proxy-authorization': authorization };
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    const headers = { ...(options.headers as Record<string, string>), ...this.#headers };
    return super.dispatch({ ...options, path: `${this.#origin}${options.path}`, headers }, handler);
  }
}

/** As kubectl: a request without TLS is forwarded, for which no proxy need allow a tunnel; SOCKS knows tunnels only. */
function isForwarding(proxy: URL, origin: string): boolean {
  return origin.startsWith('http:') && proxy.protocol !== 'socks5:';
}

function endOf({ hostname, port, protocol }: buildConnector.Options) {
  return { hostname, port: Number(port) || (protocol === 'https:' ? 443 : 80) };
}

/** As kubectl, which trusts the authority of the cluster for the proxy too, and checks neither where one is not checked. */
function proxyTls({ ca, rejectUnauthorized }: KubeTls) {
  return {
    ...(ca !== undefined && { ca: [ca, getCACertificates()].flat() }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
  };
}
