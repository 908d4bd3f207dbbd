import { isDeepStrictEqual } from 'node:util';
import { Agent } from 'undici';
import type { KubeTls } from './kube-access';

const connectMs = 5000;

/**
 * The connections to the API server: one over HTTP/2 for all watches and lists where the server speaks it,
 * else one for each watch.
 */
export class KubeConnections {
  /** The last one has the present certificates; the others finish what they have. */
  readonly #agents: Agent[] = [];
  #tls: KubeTls | undefined;

  /** Those made with these certificates. */
  agentFor(tls: KubeTls): Agent {
    const present = this.#agents.at(-1);
    if (present !== undefined && isDeepStrictEqual(tls, this.#tls)) return present;
    const agent = new Agent({
      allowH2: true,
      connect: { timeout: connectMs, keepAlive: true, keepAliveInitialDelay: 30_000, ...tls },
      // A watch is silent for a minute; the signal of each request bounds it instead.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#tls = tls;
    this.#agents.push(agent);
    void present?.close().then(() => {
      this.#forget(present);
    });
    return agent;
  }

  /**
   * Breaks the connections of one that let a deadline pass. Over HTTP/2 the next request would go the same dead
   * way, and undici's pings have no deadline of their own. Whoever else uses it begins anew.
   */
  distrust(agent: Agent): void {
    this.#forget(agent);
    void agent.destroy();
  }

  /** Breaks them all. */
  async close(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.destroy()));
  }

  #forget(agent: Agent): void {
    const i = this.#agents.indexOf(agent);
    if (i >= 0) this.#agents.splice(i, 1);
  }
}
