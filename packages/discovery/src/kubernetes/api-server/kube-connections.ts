import { Duplex } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { buildConnector, Pool } from 'undici';
import type { KubeTls } from '../access/kube-access';

const connectMs = 5000;

/**
 * The connections to the API server: one over HTTP/2 for all watches and lists where the server speaks it (one
 * for every hundred or so, which is how many a server lets share one), else one for each watch.
 */
export class KubeConnections {
  /** All that are open, and the sockets of each that are not connected yet. */
  readonly #pools = new Map<Pool, ReadonlySet<Duplex>>();
  /** The one for new requests; the others finish what they have. */
  #present: { readonly pool: Pool; readonly origin: string; readonly tls: KubeTls } | undefined;

  /** Those to this server, made with these certificates. */
  poolFor(origin: string, tls: KubeTls): Pool {
    const present = this.#present;
    if (present?.origin === origin && isDeepStrictEqual(tls, present.tls)) return present.pool;
    const pool = this.#open(origin, tls);
    this.#present = { pool, origin, tls };
    void present?.pool.close().then(() => {
      this.#pools.delete(present.pool);
    });
    return pool;
  }

  /**
   * Breaks the connections of one that let a deadline pass. Over HTTP/2 the next request would go the same dead
   * way, and undici's pings have no deadline of their own. Whoever else uses it begins anew.
   */
  distrust(pool: Pool): void {
    void this.#destroy(pool);
  }

  /** Breaks them all. */
  async close(): Promise<void> {
    await Promise.all([...this.#pools.keys()].map((pool) => this.#destroy(pool)));
  }

  #open(origin: string, tls: KubeTls): Pool {
    const connecting = new Set<Duplex>();
    const connect: (...args: Parameters<buildConnector.connector>) => unknown = buildConnector({
      allowH2: true,
      timeout: connectMs,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      ...tls,
    });
    const pool = new Pool(origin, {
      allowH2: true,
      connect: (options, callback) => {
        const socket = connect(options, (...result) => {
          if (socket instanceof Duplex) connecting.delete(socket);
          callback(...result);
        });
        if (socket instanceof Duplex) connecting.add(socket);
      },
      // A watch is silent for a minute; the signal of each request bounds it instead.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#pools.set(pool, connecting);
    return pool;
  }

  async #destroy(pool: Pool): Promise<void> {
    if (this.#present?.pool === pool) this.#present = undefined;
    const connecting = this.#pools.get(pool) ?? [];
    this.#pools.delete(pool);
    const ended = pool.destroy();
    // undici would leave them to their timeout.
    for (const socket of connecting) socket.destroy(new Error('no longer wanted'));
    await ended;
  }
}
