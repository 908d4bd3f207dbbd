import { type Clock, LimitedSignal } from '@movies/time';
import { errors } from 'undici';
import { checkAddress, formatAddress, type Address } from '../address';
import { messageOf } from '../adapter/message-of';
import { parseRetryAfter } from '../adapter/retry-after';
import { SourceFailure, type FailureKind } from '../adapter/source-failure';
import { checkOption } from '../adapter/check-option';
import { FileValue } from '../adapter/tls-files';
import { ConsulConnections, maxResponseMiB } from './consul-connections';
import { readToken, type ConsulTls } from './consul-files';

export interface ConsulApiOptions {
  /** The agents to ask, the first one first; at least one. */
  readonly agents: readonly Address[];
  readonly tls?: ConsulTls | undefined;
  /** Holds the ACL token; read again before each request. */
  readonly tokenFile?: string | undefined;
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

/**
 * Consul's HTTP API as far as discovery needs it. Own code, since the npm package `consul` takes neither a deadline and
 * a signal a call nor several agents, and its watch ends for good on a 400.
 */
export class ConsulApi {
  /** Each once, the first one first. */
  readonly agents: readonly Address[];
  readonly #clock: Clock;
  readonly #connections: ConsulConnections;
  readonly #token: FileValue<string | undefined>;
  #first = 0;

  /** Throws `invalid_options` for no agent or a bad one, and for a file that cannot be read or used. */
  constructor({ agents, tls, tokenFile, clock }: ConsulApiOptions) {
    this.agents = checkAgents(agents);
    this.#clock = clock;
    this.#connections = new ConsulConnections(tls);
    this.#token = new FileValue(() => readToken(tokenFile));
  }

  /** The agent to begin with. */
  get agent(): Address {
    return this.#agentAt(this.#first);
  }

  /** The ACL token that stands in its file now. */
  get token(): string | undefined {
    return this.#token.get();
  }

  /**
   * The agent to ask after a failure of this one, in a circle. Each source and each registration chooses its agent separately: a
   * failure can be due to what was asked, as a 403 or the 500 that Consul has for a bad filter. Where the agent itself
   * is at fault, nothing new begins with it either.
   */
  agentAfter(failed: Address, failure: SourceFailure): Address {
    const next = this.#agentAt(this.agents.indexOf(failed) + 1);
    if (this.agent === failed && isOfAgent(failure)) this.#first = this.agents.indexOf(next);
    return next;
  }

  /** One request to one agent. Resolves with any status; rejects with a `SourceFailure` or the signal's reason. */
  async send(request: ConsulRequest, agent: Address): Promise<ConsulResponse> {
    const { token } = this;
    const response = await this.#sendOnce(request, agent, token);
    // The token may have been exchanged since it was read.
    if (response.status !== 403 || this.token === token) return response;
    return this.#sendOnce(request, agent, this.token);
  }

  /** The failure that a response is which is not good. */
  failureOf({ status, body, header }: ConsulResponse): SourceFailure {
    return new SourceFailure('refused', `Consul answered ${status} ${body.slice(0, 200).trim()}`, {
      reason: `http_${status}`,
      retryAfterMs: parseRetryAfter(header('retry-after'), this.#clock.now()),
    });
  }

  /** Ends every connection, requests under way included. */
  close(): Promise<void> {
    return this.#connections.close();
  }

  #agentAt(index: number): Address {
    const agent = this.agents[index % this.agents.length];
    if (agent === undefined) throw new RangeError(`there is no agent ${index}`);
    return agent;
  }

  async #sendOnce(
    { method, path, body, timeoutMs, signal }: ConsulRequest,
    agent: Address,
    token: string | undefined,
  ): Promise<ConsulResponse> {
    using limited = new LimitedSignal(signal, timeoutMs, this.#clock);
    const name = formatAddress(agent);
    try {
      const response = await this.#connections.dispatcher.request({
        origin: `${this.#connections.scheme}://${name}`,
        path,
        method,
        headers: {
          accept: 'application/json',
          'user-agent': 'movies-discovery',
          ...(token === undefined ? {} : { 'x-consul-token': token }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: limited.signal,
      });
      const text = await response.body.text();
      return {
        status: response.statusCode,
        header: (header) => {
          const value = response.headers[header];
          return Array.isArray(value) ? value[0] : value;
        },
        body: text,
      };
    } catch (cause: unknown) {
      signal.throwIfAborted();
      if (!limited.timedOut) throw toFailure(name, cause);
      const message = `the Consul agent ${name} does not answer: no answer within ${timeoutMs} ms`;
      throw new SourceFailure('silent', message, { cause });
    }
  }
}

/** Whether the agent is at fault, and not what was asked of it. */
function isOfAgent({ kind, reason }: SourceFailure): boolean {
  return kind !== 'refused' || reason === 'stale' || reason.startsWith('http_5');
}

function checkAgents(agents: readonly Address[]): readonly Address[] {
  checkOption(() => {
    if (agents.length === 0) {
      throw new RangeError("'agents' is empty: name at least one Consul agent by host and port");
    }
    agents.forEach(checkAddress);
  });
  const names = agents.map(formatAddress);
  return agents.filter((_, i) => names.indexOf(names[i] ?? '') === i);
}

/** What undici and the system say of a request that got no response. */
function toFailure(agent: string, cause: unknown): SourceFailure {
  const { code = '' } = cause as NodeJS.ErrnoException;
  const kind = cause instanceof errors.HTTPParserError ? 'malformed' : kindOf(code);
  const what = {
    unreachable: `the Consul agent ${agent} cannot be reached`,
    lost: `the connection to the Consul agent ${agent} broke`,
    malformed: `the response of the Consul agent ${agent} cannot be read`,
  }[kind];
  const isTooLarge = code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE';
  const why = isTooLarge ? `it is larger than ${maxResponseMiB} MiB` : messageOf(cause);
  return new SourceFailure(kind, `${what}: ${why}`, { cause });
}

function kindOf(code: string): FailureKind & ('unreachable' | 'lost' | 'malformed') {
  if (/^UND_ERR_(RES_EXCEEDED|HEADERS_OVERFLOW)/.test(code)) return 'malformed';
  if (/^UND_ERR_(SOCKET|RES_CONTENT)|^ECONNRESET$|^EPIPE$/.test(code)) return 'lost';
  return 'unreachable';
}
