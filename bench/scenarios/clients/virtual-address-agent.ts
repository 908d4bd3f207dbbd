import { Agent, buildConnector, fetch } from 'undici';
import type { Address } from '../client';
import type { Request } from '../request';

/**
 * The address of a Kubernetes Service: each new connection goes to a random instance of the set, as kube-proxy does it,
 * and stays there for as long as it is kept alive. No hop is charged to it.
 */
export class VirtualAddress {
  #addresses: readonly Address[];
  readonly #agent: Agent;

  constructor(addresses: readonly Address[]) {
    this.#addresses = addresses;
    const connect = buildConnector({});
    this.#agent = new Agent({
      connect: (options, callback) => {
        const drawn = Math.floor(Math.random() * this.#addresses.length);
        const address = this.#addresses[drawn];
        if (address === undefined) {
          // kube-proxy rejects connections to a Service without endpoints.
          const refused = Object.assign(new Error('no endpoint'), { code: 'ECONNREFUSED' });
          callback(refused, null);
          return;
        }
        const host = `127.0.0.1:${address.port}`;
        connect({ ...options, hostname: '127.0.0.1', host, port: String(address.port) }, callback);
      },
    });
  }

  /** The status of the answer, read to its end. */
  async fetch({ id, method }: Request, signal: AbortSignal): Promise<number> {
    const url = `http://items.internal/items/${id}`;
    const response = await fetch(url, { method, signal, dispatcher: this.#agent });
    await response.arrayBuffer();
    return response.status;
  }

  update(addresses: readonly Address[]): void {
    this.#addresses = addresses;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
