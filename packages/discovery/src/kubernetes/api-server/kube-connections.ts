import { Duplex } from 'node:stream';
import { getCACertificates } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { buildConnector, Pool, ProxyAgent, type Dispatcher } from 'undici';
import type { KubeTls } from '../access/kube-access';

const connectMs = 5000;

/**
 * The connections to the API server: one over HTTP/2 for all watches and lists where the server speaks it (one
 * for every hundred or so, which is how many a server lets share one), else one for each watch.
 */
export class KubeConnections {
  /** All that are open, and the sockets of each that are not connected yet. */
  readonly #pools = new Map<Dispatcher, ReadonlySet<Duplex>>();
  /** The one for new requests; the others finish what they have. */
  #present: { readonly pool: Dispatcher; readonly target: readonly unknown[] } | undefined;

  /** Those to this server, made with these certificates, through this proxy if there is one. */
  poolFor(origin: string, tls: KubeTls, proxy?: string): Dispatcher {
    const present = this.#present;
    const target = [origin, tls, proxy];
    if (present !== undefined && isDeepStrictEqual(target, present.target)) return present.pool;
    const pool = proxy === undefined ? this.#open(origin, tls) : this.#openThrough(proxy, tls);
    this.#present = { pool, target };
    void present?.pool.close().then(() => {
      this.#pools.delete(present.pool);
    });
    return pool;
  }

  /**
   * Breaks the connections of one that let a deadline pass. Over HTTP/2 the next request would go the same dead
   * way, and undici's pings have no deadline of their own. Whoever else uses it begins anew.
   */
  distrust(pool: Dispatcher): void {
    void this.#destroy(pool);
  }

  /** Breaks them all. */
  async close(): Promise<void> {
    await Promise.all([...this.#pools.keys()].map((pool) => this.#destroy(pool)));
  }

  #openThrough(proxy: string, tls: KubeTls): Dispatcher {
    const agent = new ProxyAgent({
      uri: proxy,
      allowH2: true,
      connectTimeout: connectMs,
      requestTls: { allowH2: true, timeout: connectMs, ...tls },
      // kubectl trusts the authority of the cluster for the proxy too. A SOCKS proxy would be taken for one with TLS.
      ...(proxy.startsWith('https:') &&
        tls.ca !== undefined && {
          proxyTls: { ca: [tls.ca, getCACertificates()].flat(), timeout: connectMs },
        }),
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#pools.set(agent, new Set());
    return agent;
  }

  #open(origin: string, tls: KubeTls): Dispatcher {
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

  async #destroy(pool: Dispatcher): Promise<void> {
    if (this.#present?.pool === pool) this.#present = undefined;
    const connecting = this.#pools.get(pool) ?? [];
    this.#pools.delete(pool);
    const ended = pool.destroy();
    // undici would leave them to their timeout.
    for (const socket of connecting) socket.destroy(new Error('no longer wanted'));
    await ended;
  }
}
