import { type Clock, type Random, TokenBucket } from '@movies/time';
import type { Address } from '../address';
import type { Remarks, Sink, Source } from '../adapter/source';
import { SourceFailure } from '../adapter/source-failure';
import type { Instance } from '../instance';
import type { ConsulApi, ConsulResponse } from './consul-api';
import { graceMs, GracePeriod } from './grace-period';
import { parseHealthEntries, type HealthEntries } from './health-entry';

/** An agent that has had no contact with the servers for longer has data that is too old. */
const maxLastContactMs = 10_000;
/** How long an agent has to tell the present set; less where another can be asked. */
const presentSetMs = 5000;
const presentSetOfSeveralMs = 2000;

/** The same each time, since it is a label of a metric. */
const keptNote =
  'Consul does not list every instance that it listed before it failed: ' +
  `those are kept for up to ${graceMs / 1000} s`;

/** What the queries of every service ask for. */
export interface ConsulQuery {
  readonly datacenter?: string | undefined;
  /** Instances with each of these tags. */
  readonly tags?: readonly string[] | undefined;
  /** An expression of Consul's filter language. */
  readonly filter?: string | undefined;
  readonly maxWaitMs: number;
}

export interface ConsulSourceOptions {
  readonly api: ConsulApi;
  readonly service: string;
  readonly query: ConsulQuery;
  readonly sink: Sink;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Follows one service by blocking queries, one a turn
 * (https://developer.hashicorp.com/consul/api-docs/features/blocking).
 */
export class ConsulSource implements Source {
  readonly #options: ConsulSourceOptions;
  readonly #bucket: TokenBucket;
  readonly #grace: GracePeriod;
  readonly #parameters: URLSearchParams;
  #agent: Address;
  /** `X-Consul-Index` of the last response; 0 asks for the present set at once. */
  #index = 0;
  /** The instances of the last response. */
  #ids: ReadonlySet<string> = new Set();
  /** Agents that failed one after the other. */
  #failures = 0;
  #remarks: Remarks = {};

  constructor(options: ConsulSourceOptions) {
    const { api, query, sink, clock } = options;
    this.#options = options;
    this.#agent = api.agent;
    // Blocking queries may return at once for ever (hashicorp/consul#1244): the loop has a speed limit.
    this.#bucket = new TokenBucket({ burst: 2, perSecond: 1, clock });
    this.#grace = new GracePeriod(clock, (instances, confirmedAt) => {
      sink.publish(instances, { ...this.#remarksNow(), confirmedAt });
    });
    this.#parameters = parametersOf(query);
  }

  async turn(signal: AbortSignal): Promise<number> {
    const { api, sink } = this.#options;
    await this.#bucket.take(signal);
    try {
      const instances = await this.#query(signal);
      signal.throwIfAborted();
      this.#failures = 0;
      const set = this.#grace.received(instances);
      sink.publish(set, this.#remarksNow());
      return 0;
    } catch (error: unknown) {
      if (signal.aborted) throw error;
      const failure = SourceFailure.of(error);
      this.#agent = api.agentAfter(this.#agent, failure);
      // A restarted agent's index can be near the old one; a query with the old index then hangs.
      this.#index = 0;
      this.#grace.failed();
      this.#failures = (this.#failures + 1) % api.agents.length;
      // What one agent asks for is no reason to let the next one wait.
      throw this.#failures === 0 ? failure : withoutRetryAfter(failure);
    }
  }

  close(): void {
    this.#grace.close();
  }

  /** Of the last response, and of the set that was made of it. */
  #remarksNow(): Remarks {
    const { note } = this.#remarks;
    if (!this.#grace.isKeeping) return this.#remarks;
    return { ...this.#remarks, note: note === undefined ? keptNote : `${note}; ${keptNote}` };
  }

  async #query(signal: AbortSignal): Promise<readonly Instance[]> {
    let answer = await this.#ask(signal);
    if (this.#mayHide(answer)) {
      this.#index = 0;
      answer = await this.#ask(signal);
    }
    const { instances, skipped, header } = answer;
    const index = Number(header('x-consul-index') ?? 0) || 0;
    // An index that runs backwards means a new state of the servers: ask afresh.
    this.#index = index < this.#index ? 0 : Math.max(1, index);
    this.#ids = new Set(instances.map(({ id }) => id));
    this.#remarks = { note: skipped, emptyBecause: skipped ?? this.#whyEmpty(answer) };
    return instances;
  }

  async #ask(signal: AbortSignal): Promise<Answer> {
    const { api, service, query, random } = this.#options;
    const waitMs = Math.round(query.maxWaitMs * (1 - 0.1 * random()));
    const blocking = this.#index > 0 ? `&index=${this.#index}&wait=${waitMs}ms` : '';
    const parameters = this.#parameters.size === 0 ? '' : `&${this.#parameters.toString()}`;
    const path = `/v1/health/service/${encodeURIComponent(service)}?stale${parameters}${blocking}`;
    const atOnceMs = api.agents.length > 1 ? presentSetOfSeveralMs : presentSetMs;
    // Consul adds up to a sixteenth of the wait, so that its responses spread.
    const timeoutMs = blocking === '' ? atOnceMs : waitMs * (1 + 1 / 16) + 5000;
    const response = await api.send({ method: 'GET', path, timeoutMs, signal }, this.#agent);
    if (response.status !== 200) throw api.failureOf(response);
    refuseStale(response);
    refuseFiltered(response, service);
    return { ...parseHealthEntries(service, response.body), header: response.header };
  }

  /**
   * Whether Consul may leave out what the token may not read any more. The streaming backend does not report it, and
   * answers `[]` for a token that was revoked (measured with 1.22). A query without an index goes to the other backend.
   */
  #mayHide({ instances, header }: Answer): boolean {
    // A Consul without ACLs says that it allows by default.
    const hasAcls =
      this.#options.api.token !== undefined || header('x-consul-default-acl-policy') === 'deny';
    if (!hasAcls || !isStreamed({ header })) return false;
    const ids = new Set(instances.map(({ id }) => id));
    return [...this.#ids].some((id) => !ids.has(id));
  }

  /** Without a token Consul does not say that it left anything out; only that it denies by default. */
  #whyEmpty({ header }: Answer): string | undefined {
    const { api } = this.#options;
    const reasons = [
      [...this.#parameters].map(
        ([name, value]) => `only instances with ${name}=${value} were asked for`,
      ),
      api.token === undefined && header('x-consul-default-acl-policy') === 'deny'
        ? 'Consul shows nothing without a token unless its anonymous token may read it, and no token file is given'
        : [],
    ].flat();
    return reasons.length === 0 ? undefined : reasons.join('; ');
  }
}

/** What a query asks for, whatever the service. */
export function parametersOf({ datacenter, tags = [], filter }: ConsulQuery): URLSearchParams {
  const parameters = new URLSearchParams();
  if (datacenter !== undefined) parameters.append('dc', datacenter);
  for (const tag of tags) parameters.append('tag', tag);
  if (filter !== undefined) parameters.append('filter', filter);
  return parameters;
}

type Headers = Pick<ConsulResponse, 'header'>;

/** A good response, read. */
interface Answer extends HealthEntries, Headers {}

function isStreamed({ header }: Headers): boolean {
  return header('x-consul-query-backend') === 'streaming';
}

/**
 * The streaming backend, which answers blocking queries since Consul 1.10, says of itself neither how old its data is
 * nor that there is a leader (measured with 1.22): its headers are not read.
 */
function refuseStale({ header }: Headers): void {
  if (isStreamed({ header })) return;
  const staleMs = Number(header('x-consul-lastcontact') ?? 0);
  if (!(staleMs > maxLastContactMs) && header('x-consul-knownleader') !== 'false') return;
  // Without the exact time, which would make each of these failures a new one.
  throw new SourceFailure(
    'refused',
    `the Consul agent has no leader, or has not heard of it for ${maxLastContactMs / 1000} s`,
    { reason: 'stale' },
  );
}

/** Consul says 200 and leaves out what a token may not read: such a set is not the service's. */
function refuseFiltered({ header }: Headers, service: string): void {
  if (header('x-consul-results-filtered-by-acls') !== 'true') return;
  throw new SourceFailure(
    'refused',
    'Consul leaves out instances that the token may not read: ' +
      `it needs service:read on '${service}' and node:read on its nodes`,
    { reason: 'filtered' },
  );
}

function withoutRetryAfter(failure: SourceFailure): SourceFailure {
  if (failure.retryAfterMs === undefined) return failure;
  const { kind, message, reason } = failure;
  return new SourceFailure(kind, message, { reason, cause: failure });
}
