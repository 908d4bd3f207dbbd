import type { SecureContextOptions } from 'node:tls';
import { Agent } from 'undici';
import { FileValue, readCertificates } from '../adapter/tls-files';
import { tlsParameters, type ConsulTls } from './consul-files';

const connectMs = 2000;
/** Ten thousand instances are about 15 MiB. */
export const maxResponseMiB = 64;

/** The connections to the agents, with the certificates that stand in the files when a request begins. */
export class ConsulConnections {
  readonly scheme: 'http' | 'https';
  readonly #serverName: string | undefined;
  readonly #certificates: FileValue<SecureContextOptions>;
  #present: { readonly certificates: SecureContextOptions; readonly agent: Agent } | undefined;
  /** Those with former certificates: they finish what they have. */
  readonly #former = new Set<Agent>();

  /** Throws `invalid_options` if a file cannot be read or used. */
  constructor(tls: ConsulTls | undefined) {
    this.scheme = tls === undefined ? 'http' : 'https';
    this.#serverName = tls?.serverName;
    this.#certificates = new FileValue((before) =>
      readCertificates(tls ?? {}, tlsParameters, before),
    );
  }

  /** For one request; it may be another one for the next. */
  get dispatcher(): Agent {
    const certificates = this.#certificates.get();
    if (this.#present?.certificates === certificates) return this.#present.agent;
    if (this.#present !== undefined) this.#retire(this.#present.agent);
    const agent = new Agent({
      connect: {
        timeout: connectMs,
        ...certificates,
        ...(this.#serverName === undefined ? {} : { servername: this.#serverName }),
      },
      // Over HTTP/2 a request that found its connection dead would be followed by the next on the same connection.
      allowH2: false,
      maxResponseSize: maxResponseMiB * 1024 * 1024,
      // A blocking query is silent for a minute; the deadline of each request bounds it instead.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#present = { certificates, agent };
    return agent;
  }

  /** Breaks them all. */
  async close(): Promise<void> {
    const agents = [...this.#former, ...(this.#present === undefined ? [] : [this.#present.agent])];
    await Promise.all(agents.map((agent) => agent.destroy()));
  }

  #retire(agent: Agent): void {
    this.#former.add(agent);
    const forget = () => this.#former.delete(agent);
    // It rejects when it is destroyed meanwhile.
    agent.close().then(forget, forget);
  }
}
