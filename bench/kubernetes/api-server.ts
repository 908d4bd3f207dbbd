import { Agent } from 'undici';
import { kubeAccessSource } from '../../packages/discovery/src/kubernetes/access/kube-access-source';
import type { KubeAccess } from '../../packages/discovery/src/kubernetes/access/kube-access';

export interface ApiServerOptions {
  /** One connection for everything, as the adapter has it; else as many of HTTP/1.1 as there are requests. */
  readonly allowH2: boolean;
}

/** The API server of the kubeconfig, spoken to by undici. */
export class ApiServer {
  readonly #agent: Agent;
  readonly #access: KubeAccess;
  readonly #headers: Readonly<Record<string, string>>;

  private constructor(agent: Agent, access: KubeAccess, headers: Readonly<Record<string, string>>) {
    this.#agent = agent;
    this.#access = access;
    this.#headers = headers;
  }

  static async connect({ allowH2 }: ApiServerOptions): Promise<ApiServer> {
    const access = await kubeAccessSource({})();
    const { headers, tls } = await access.credentials();
    const agent = new Agent({ allowH2, connect: tls, headersTimeout: 0, bodyTimeout: 0 });
    return new ApiServer(agent, access, headers);
  }

  /** The document that comes back; anything but a success is an error. */
  async send(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    document?: object,
  ): Promise<unknown> {
    const { statusCode, body } = await this.#agent.request({
      origin: this.#access.server,
      path,
      method,
      headers: { ...this.#headers, accept: 'application/json', 'content-type': 'application/json' },
      body: document === undefined ? null : JSON.stringify(document),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await body.text();
    if (statusCode >= 300)
      throw new Error(`${method} ${path} was answered with ${statusCode}: ${text}`);
    return JSON.parse(text);
  }

  /** The chunks of an answer that has no end. */
  async open(path: string): Promise<AsyncIterable<Buffer>> {
    const { statusCode, body } = await this.#agent.request({
      origin: this.#access.server,
      path,
      method: 'GET',
      headers: { ...this.#headers, accept: 'application/json' },
    });
    if (statusCode !== 200) throw new Error(`GET ${path} was answered with ${statusCode}`);
    return body as AsyncIterable<Buffer>;
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

export function slicesPath(namespace: string): string {
  return `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
}
