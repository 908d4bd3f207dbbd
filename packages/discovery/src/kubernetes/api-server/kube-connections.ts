import { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { buildConnector, Client, Pool } from 'undici';
import type { KubeTls } from '../access/kube-access';

const connectMs = 5000;
/** A connection that is alive brings at least the answer to a ping in this time. */
const pingMs = 10_000;

/** How many bytes each connection of a pool had brought at a moment. */
export type ConnectionMark = ReadonlyMap<Duplex, number>;

/**
 * The connections to the API server: one over HTTP/2 for all watches and lists where the server speaks it (one for every
 * hundred), else one for each request that is under way.
 */
export class KubeConnections {
  /** Every pool that is not closed, and what tells that a server sent it away. */
  readonly #pools = new Map<Pool, AbortController>();
  /** Every connection that is not closed, made or not, and its pool. */
  readonly #sockets = new Map<Duplex, Pool>();
  readonly #connectErrors = new WeakSet<object>();
  /** The pool for new requests; the others finish what they have. */
  #present: { readonly pool: Pool; readonly origin: string; readonly tls: KubeTls } | undefined;

  /** The pool to this server, made with these certificates. */
  poolFor(origin: string, tls: KubeTls): Pool {
    const present = this.#present;
    if (present?.origin === origin && isDeepStrictEqual(tls, present.tls)) return present.pool;
    const pool = this.#open(origin, tls);
    this.#present = { pool, origin, tls };
    if (present !== undefined) this.#finish(present.pool);
    return pool;
  }

  /** What the connections that are shared, as HTTP/2 is, have brought so far. */
  mark(pool: Pool): ConnectionMark {
    const mark = new Map<Duplex, number>();
    for (const [socket, its] of this.#sockets) {
      if (its === pool && socket instanceof TLSSocket && socket.alpnProtocol === 'h2') {
        mark.set(socket, socket.bytesRead);
      }
    }
    return mark;
  }

  /**
   * Sends no new request over the pool if one of its connections has brought nothing to anybody since the mark, not even
   * the answer to a ping: it may be dead. Requests under way keep it, and end by their own deadlines.
   */
  retireIfSilent(pool: Pool, before: ConnectionMark): void {
    const isSilent = [...this.mark(pool)].some(([socket, bytes]) => before.get(socket) === bytes);
    if (isSilent) this.#retire(pool);
  }

  /**
   * Aborts when the server sends GOAWAY. Responses that have begun go on. Requests without a response have to be sent
   * again over another pool: the server may not have taken them, and undici 8.12 keeps them, and any new one, waiting
   * on that client until all that is under way has ended; for an open watch that is minutes.
   */
  sentAway(pool: Pool): AbortSignal | undefined {
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
    for (const socket of this.#sockets.keys()) socket.destroy(new Error('no longer wanted'));
    await Promise.all(ended);
  }

  #open(origin: string, tls: KubeTls): Pool {
    const connect: (...args: Parameters<buildConnector.connector>) => unknown = buildConnector({
      allowH2: true,
      timeout: connectMs,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      ...tls,
    });
    const pool = new Pool(origin, {
      allowH2: true,
      pingInterval: pingMs,
      connect: (options, callback) => {
        const socket = connect(options, (...result) => {
          if (result[0] !== null) this.#connectErrors.add(result[0]);
          callback(...result);
        });
        if (!(socket instanceof Duplex)) return;
        this.#sockets.set(socket, pool);
        socket.once('close', () => this.#sockets.delete(socket));
      },
      // A watch may be silent for a minute; the signal of each request bounds it instead.
      headersTimeout: 0,
      bodyTimeout: 0,
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

  #retire(pool: Pool): void {
    if (this.#present?.pool !== pool) return;
    this.#present = undefined;
    this.#finish(pool);
  }

  #finish(pool: Pool): void {
    void pool.close().then(() => this.#pools.delete(pool));
  }
}
