import { formatAddress, type Address } from '../address';
import { type Clock, type Random, delay, Heartbeat } from '@movies/time';
import { DiscoveryError } from '../discovery-error';
import type { Instance } from '../instance';
import type { Registration } from '../registrar';
import { ConsulUnreachableError, type ConsulApi, type ConsulResponse } from './consul-api';

const ttlMs = 10_000;
const beatMs = 3000;
const callTimeoutMs = 2000;
/** Consul refuses less than a minute, and looks every 30 s. */
const deregisterCriticalAfter = '5m';
/** Instances that all found themselves forgotten come back spread over this time. */
const reregisterJitterMs = 1000;

export interface ConsulRegistrationOptions {
  readonly api: ConsulApi;
  readonly instance: Instance;
  readonly clock: Clock;
  readonly random: Random;
  /** Told when the beats have ended for good. */
  readonly onEnd: () => void;
}

/**
 * One instance at Consul: a service with a TTL check
 * (https://developer.hashicorp.com/consul/api-docs/agent/service) that is kept passing by beats.
 */
export class ConsulRegistration implements Registration {
  readonly #options: ConsulRegistrationOptions;
  readonly #checkId: string;
  /**
   * Where the instance stands, or may stand: an agent can have registered it and its answer be lost.
   * More than one after a fail-over.
   */
  readonly #agents = new Map<Address, 'certain' | 'possible'>();
  readonly #abandoned = new AbortController();
  #heartbeat: Heartbeat | undefined;
  #status: 'passing' | 'critical';
  #note = '';
  #failure: DiscoveryError | undefined;
  #deregistering: Promise<void> | undefined;

  constructor(options: ConsulRegistrationOptions) {
    this.#options = options;
    this.#checkId = `service:${options.instance.id}`;
    this.#status = options.instance.state === 'ready' ? 'passing' : 'critical';
  }

  get failure(): DiscoveryError | undefined {
    return this.#failure;
  }

  /** Registers at the first agent that answers, and beats from then on; see `Registrar.register`. */
  async start(signal: AbortSignal | undefined): Promise<void> {
    const { clock, random } = this.#options;
    const abandoned = this.#abandoned.signal;
    const abort = () => {
      this.#abandoned.abort(signal?.reason);
    };
    signal?.throwIfAborted();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await this.#atSomeAgent('registering', (agent) => this.#register(agent, abandoned));
      abandoned.throwIfAborted();
    } finally {
      signal?.removeEventListener('abort', abort);
    }
    this.#heartbeat = new Heartbeat({
      intervalMs: beatMs,
      jitter: 0.1,
      clock,
      random,
      beat: (stopped) => this.#beat(stopped),
    });
  }

  /** Ends the beats and leaves the instance to its TTL: the registry is being closed. */
  async abandon(): Promise<void> {
    this.#abandoned.abort(new DiscoveryError('closed', 'the Consul registry is closed'));
    await this.#heartbeat?.stop();
  }

  reportHealth(healthy: boolean, note = ''): void {
    this.#status = healthy ? 'passing' : 'critical';
    this.#note = note;
    this.#heartbeat?.beatNow();
  }

  deregister(): Promise<void> {
    this.#deregistering ??= this.#end();
    return this.#deregistering;
  }

  async #end(): Promise<void> {
    // First the beats, so that none of them registers what is being taken out.
    await this.#heartbeat?.stop();
    this.#options.onEnd();
    const results = await Promise.all(
      [...this.#agents].map(async ([agent, standing]) => {
        try {
          await this.#deregister(agent);
        } catch (error: unknown) {
          if (standing === 'certain') return error;
        }
        return undefined;
      }),
    );
    const failed = results.find((error) => error !== undefined);
    if (failed !== undefined) throw this.#unavailable('deregistering', failed);
  }

  async #deregister(agent: Address): Promise<void> {
    const { id } = this.#options.instance;
    const path = `/v1/agent/service/deregister/${encodeURIComponent(id)}`;
    const answer = await this.#put(agent, path, new AbortController().signal);
    // 404: the agent has forgotten it already.
    if (answer.status === 200 || answer.status === 404) return;
    throw new DiscoveryError('registry_unavailable', describe(`deregistering '${id}'`, answer));
  }

  async #beat(signal: AbortSignal): Promise<void> {
    try {
      await this.#atSomeAgent('beating for', async (agent) => {
        const answer = await this.#put(
          agent,
          `/v1/agent/check/update/${encodeURIComponent(this.#checkId)}`,
          signal,
          { Status: this.#status, Output: this.#note },
        );
        if (isForgotten(answer)) {
          await this.#delayReregistration(signal);
          await this.#register(agent, signal);
        } else if (answer.status !== 200) {
          throw new DiscoveryError('registry_unavailable', describe('a beat', answer));
        }
      });
      this.#failure = undefined;
    } catch (error: unknown) {
      if (!signal.aborted) this.#failure = this.#unavailable('beating for', error);
    }
  }

  /** Runs `call` at the current agent, and if that cannot be reached at the next ones, each once. */
  async #atSomeAgent(doing: string, call: (agent: Address) => Promise<void>): Promise<void> {
    const { api } = this.#options;
    for (let left = api.agentCount; ; left -= 1) {
      const { agent } = api;
      try {
        await call(agent);
        return;
      } catch (error: unknown) {
        if (!(error instanceof ConsulUnreachableError)) throw error;
        api.failOver(agent);
        if (left <= 1) throw this.#unavailable(doing, error);
      }
    }
  }

  async #register(agent: Address, signal: AbortSignal): Promise<void> {
    const { id, service, host, port, zone, weight, labels } = this.#options.instance;
    const version = labels['version'];
    if (!this.#agents.has(agent)) this.#agents.set(agent, 'possible');
    const answer = await this.#put(
      agent,
      '/v1/agent/service/register?replace-existing-checks=true',
      signal,
      {
        ID: id,
        Name: service,
        Address: host,
        Port: port,
        // Consul's UI shows tags in the list of instances, and meta on the page of one.
        Tags: [
          ...(version === undefined ? [] : [`version=${version}`]),
          ...(zone === undefined ? [] : [`zone=${zone}`]),
        ],
        Meta: { ...labels, ...(zone === undefined ? {} : { zone }) },
        Weights: { Passing: Math.max(1, Math.round(weight)), Warning: 1 },
        Check: {
          CheckID: this.#checkId,
          Name: `${service} says it is ready`,
          TTL: `${ttlMs}ms`,
          Status: this.#status,
          DeregisterCriticalServiceAfter: deregisterCriticalAfter,
        },
      },
    );
    if (answer.status === 200) {
      this.#agents.set(agent, 'certain');
      return;
    }
    const code = answer.status >= 500 ? 'registry_unavailable' : 'registration_refused';
    throw new DiscoveryError(code, describe(`registering '${id}'`, answer));
  }

  #put(agent: Address, path: string, signal: AbortSignal, body?: unknown): Promise<ConsulResponse> {
    return this.#options.api.send(
      { method: 'PUT', path, body, timeoutMs: callTimeoutMs, signal },
      agent,
    );
  }

  #delayReregistration(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    return delay(random() * reregisterJitterMs, clock, signal);
  }

  #unavailable(doing: string, cause: unknown): DiscoveryError {
    if (cause instanceof DiscoveryError) return cause;
    const { id, host, port } = this.#options.instance;
    const message = cause instanceof Error ? cause.message : String(cause);
    return new DiscoveryError(
      'registry_unavailable',
      `${doing} '${id}' (${formatAddress({ host, port })}): ${message}`,
      { cause },
    );
  }
}

/** 404 since Consul 1.7, before that 500 with "does not have associated TTL". */
function isForgotten({ status, body }: ConsulResponse): boolean {
  return status === 404 || (status === 500 && body.includes('does not have associated TTL'));
}

function describe(what: string, { status, body }: ConsulResponse): string {
  return `Consul answered ${what} with ${status} ${body.slice(0, 200).trim()}`;
}
