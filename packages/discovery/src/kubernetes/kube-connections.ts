import { isDeepStrictEqual } from 'node:util';
import { Agent } from 'undici';
import type { KubeTls } from './kube-access';

const connectMs = 5000;

/**
 * The connections to the API server: one over HTTP/2 for all watches and lists where the server speaks it,
 * else one for each watch.
 */
export class KubeConnections {
  #present: Agent | undefined;
  #tls: KubeTls | undefined;
  /** Made with the certificates before: its watches go on, and new requests go by the present one. */
  #previous: Agent | undefined;

  /** Those made with these certificates. */
  agentFor(tls: KubeTls): Agent {
    if (this.#present !== undefined && isDeepStrictEqual(tls, this.#tls)) return this.#present;
    // Not closed in good order: undici's `destroy` does not reach what a `close` is waiting for.
    void this.#previous?.destroy();
    this.#previous = this.#present;
    this.#tls = tls;
    this.#present = new Agent({
      allowH2: true,
      connect: { timeout: connectMs, keepAlive: true, keepAliveInitialDelay: 30_000, ...tls },
      // A watch is silent for a minute; the signal of each request bounds it instead.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    return this.#present;
  }

  /**
   * Breaks the connections of one that let a deadline pass. Over HTTP/2 the next request would go the same dead
   * way, and undici's pings have no deadline of their own. Whoever else uses it begins anew.
   */
  distrust(agent: Agent): void {
    if (agent === this.#present) this.#present = undefined;
    if (agent === this.#previous) this.#previous = undefined;
    void agent.destroy();
  }

  /** Breaks them all. */
  async close(): Promise<void> {
    await Promise.all([this.#present?.destroy(), this.#previous?.destroy()]);
  }
}
