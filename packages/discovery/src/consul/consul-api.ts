import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { Agent } from 'undici';
import { formatAddress, type Address } from '../address';
import { type Clock, LimitedSignal } from '@movies/time';
import { DiscoveryError } from '../discovery-error';
import { messageOf } from '../adapter/message-of';

export interface ConsulTls {
  /** PEM files; the system's authorities are used where `caFile` is absent. */
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

export interface ConsulApiOptions {
  /** The agents to ask, the first one first; at least one. */
  readonly agents: readonly Address[];
  readonly tls?: ConsulTls | undefined;
  /** Holds the ACL token; read at the start and again when an agent answers 403. */
  readonly tokenFile?: string | undefined;
  readonly datacenter?: string | undefined;
  readonly clock: Clock;
}

export interface ConsulRequest {
  readonly method: 'GET' | 'PUT';
  /** Path and query, from `/v1` on. */
  readonly path: string;
  readonly body?: unknown;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface ConsulResponse {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly body: string;
}

/** An agent that could not be reached or did not answer in time; nothing is known of its answer. */
export class ConsulUnreachableError extends Error {
  override readonly name = 'ConsulUnreachableError';
  readonly reason: 'unreachable' | 'timeout';

  constructor(agent: string, reason: 'unreachable' | 'timeout', cause: unknown) {
    const what = reason === 'timeout' ? 'does not answer' : 'cannot be reached';
    super(`the Consul agent ${agent} ${what}: ${messageOf(cause)}`, { cause });
    this.reason = reason;
  }
}

/**
 * Consul's HTTP API as far as discovery needs it, on one connection pool. Own code, since the npm
 * package `consul` takes neither a deadline and a signal a call nor several agents, and its watch ends for good
 * on a 400.
 */
export class ConsulApi {
  readonly #options: ConsulApiOptions;
  readonly #dispatcher: Agent;
  readonly #scheme: 'http' | 'https';
  #token: string | undefined;
  #current = 0;

  /** Throws `invalid_registry_url` if a file it names cannot be read or used. */
  constructor(options: ConsulApiOptions) {
    this.#options = options;
    this.#scheme = options.tls === undefined ? 'http' : 'https';
    this.#token = readToken(options.tokenFile);
    this.#dispatcher = new Agent({
      connect: { timeout: 2000, ...readTls(options.tls) },
      // A blocking query is silent for a minute; `timeoutMs` of each call bounds it instead.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** The agent that calls go to now. */
  get agent(): Address {
    const { agents } = this.#options;
    const agent = agents[this.#current % agents.length];
    if (agent === undefined) throw new TypeError('ConsulApi needs at least one agent');
    return agent;
  }

  get agentCount(): number {
    return this.#options.agents.length;
  }

  /** Lets the next calls go to another agent, if `failed` is still the one they go to. */
  failOver(failed: Address): void {
    if (this.agent === failed) this.#current += 1;
  }

  /**
   * One call to one agent, the current one by default. Resolves with any status;
   * rejects with `ConsulUnreachableError` or the signal's reason.
   */
  async send(request: ConsulRequest, agent: Address = this.agent): Promise<ConsulResponse> {
    const token = this.#token;
    const response = await this.#sendOnce(request, agent, token);
    if (response.status !== 403 || this.#options.tokenFile === undefined) return response;
    // The token may have been exchanged since it was read.
    this.#token = rereadToken(this.#options.tokenFile) ?? this.#token;
    return this.#token === token ? response : this.#sendOnce(request, agent, this.#token);
  }

  /** Ends every connection, calls under way included. */
  close(): Promise<void> {
    return this.#dispatcher.destroy();
  }

  async #sendOnce(
    request: ConsulRequest,
    agent: Address,
    token: string | undefined,
  ): Promise<ConsulResponse> {
    using limited = new LimitedSignal(request.signal, request.timeoutMs, this.#options.clock);
    const name = formatAddress(agent);
    try {
      const response = await this.#dispatcher.request({
        origin: `${this.#scheme}://${name}`,
        path: this.#inDatacenter(request.path),
        method: request.method,
        headers: {
          accept: 'application/json',
          ...(token === undefined ? {} : { 'x-consul-token': token }),
        },
        body: request.body === undefined ? null : JSON.stringify(request.body),
        signal: limited.signal,
      });
      const body = await response.body.text();
      return {
        status: response.statusCode,
        header: (header) => {
          const value = response.headers[header];
          return Array.isArray(value) ? value[0] : value;
        },
        body,
      };
    } catch (error: unknown) {
      request.signal.throwIfAborted();
      throw new ConsulUnreachableError(
        name,
        limited.timedOut ? 'timeout' : 'unreachable',
        limited.timedOut ? new Error(`no answer within ${request.timeoutMs} ms`) : error,
      );
    }
  }

  #inDatacenter(path: string): string {
    const { datacenter } = this.#options;
    if (datacenter === undefined) return path;
    return `${path}${path.includes('?') ? '&' : '?'}dc=${encodeURIComponent(datacenter)}`;
  }
}

/** While a file is being exchanged it can be missing: the old token stays, and the 403 stands as the answer. */
function rereadToken(file: string): string | undefined {
  try {
    return readToken(file);
  } catch {
    return undefined;
  }
}

function readToken(file: string | undefined): string | undefined {
  return file === undefined ? undefined : read('token-file', file).trim();
}

function readTls({ caFile, certFile, keyFile }: ConsulTls = {}): SecureContextOptions {
  const pems: SecureContextOptions = {
    ...(caFile === undefined ? {} : { ca: read('ca-file', caFile) }),
    ...(certFile === undefined ? {} : { cert: read('cert-file', certFile) }),
    ...(keyFile === undefined ? {} : { key: read('key-file', keyFile) }),
  };
  try {
    // Made once only to see that it can be: undici would make it with the first connection.
    createSecureContext(pems);
  } catch (error: unknown) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DiscoveryError(
      'invalid_registry_url',
      `'ca-file', 'cert-file' and 'key-file' cannot be used together: ${reason}`,
      { cause: error },
    );
  }
  return pems;
}

function read(parameter: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error: unknown) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new DiscoveryError(
      'invalid_registry_url',
      `cannot read the file of '${parameter}', ${file} (${code})`,
      { cause: error },
    );
  }
}
