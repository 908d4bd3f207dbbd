import { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { buildConnector, Client, Pool } from 'undici';
import type { KubeTls } from '../access/kube-access';

const connectMs = 5000;
/** A connection that is alive brings at least the answer to a ping in this time. */
const pingMs = 10_000;
/** Requests that wait on a client whose HTTP/2 session ends may share the next session. */
const maxConcurrentStreams = 100;

/** How many bytes each connection of a pool had brought at a moment. */
export type ConnectionMark = ReadonlyMap<Duplex, number>;

/**
 * The connections to the API server: one over HTTP/2 for all watches and lists where the server speaks it (one for every
 * hundred), else one for each request that is under way.
 */
export class KubeConnections {
  readonly #pools = new Set<Pool>();
  /** Every connection that is not closed, made or not, and its pool. */
  readonly #sockets = new Map<Duplex, Pool>();
  readonly #connectErrors = new WeakSet<Error>();
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

  /** Whether this is why no connection was made. */
  isConnectError(error: unknown): boolean {
    return error instanceof Error && this.#connectErrors.has(error);
  }

  /** Breaks all connections. */
  async close(): Promise<void> {
    this.#present = undefined;
    const ended = [...this.#pools].map((pool) => pool.destroy());
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
      maxConcurrentStreams,
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
    pool.on('disconnect', (_origin, [, client]) => {
      // The connection goes on for what is under way: the server sent GOAWAY (RFC 9113, 6.8).
      if (client instanceof Client && client.stats.running > 0) this.#leave(pool, client);
    });
    this.#pools.add(pool);
    return pool;
  }

  /**
   * Lets requests go over a new connection after GOAWAY. undici 8.12 keeps them on this client, and without a connection
   * it waits for all that is under way, as for HTTP/1.1: for an open watch that is minutes.
   */
  #leave(pool: Pool, client: Client): void {
    this.#retire(pool);
    // For the requests that the server refused with GOAWAY.
    client.pipelining = maxConcurrentStreams;
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
