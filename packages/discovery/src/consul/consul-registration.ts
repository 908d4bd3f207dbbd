import { formatAddress, type Address } from '../address';
import type { Clock, Random } from '../clock';
import { delay } from '../delay';
import { DiscoveryError } from '../discovery-error';
import { Heartbeat } from '../heartbeat';
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
}

/**
 * One instance at Consul: a service with a TTL check
 * (https://developer.hashicorp.com/consul/api-docs/agent/service) that is kept passing by beats.
 */
export class ConsulRegistration implements Registration {
  readonly #options: ConsulRegistrationOptions;
  readonly #checkId: string;
  /** Where the instance stands; more than one after a fail-over. */
  readonly #agents = new Set<Address>();
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
  async start(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    await this.#atSomeAgent((agent) => this.#register(agent, signal));
    this.#heartbeat = new Heartbeat({
      intervalMs: beatMs,
      jitter: 0.1,
      clock,
      random,
      beat: (stopped) => this.#beat(stopped),
    });
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
    const results = await Promise.allSettled(
      [...this.#agents].map((agent) =>
        this.#put(agent, `/v1/agent/service/deregister/${this.#pathId()}`, neverAborted()),
      ),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw this.#unavailable('deregistering', failed.reason);
  }

  async #beat(signal: AbortSignal): Promise<void> {
    try {
      await this.#atSomeAgent(async (agent) => {
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
  async #atSomeAgent(call: (agent: Address) => Promise<void>): Promise<void> {
    const { api } = this.#options;
    for (let left = api.agentCount; ; left -= 1) {
      const { agent } = api;
      try {
        await call(agent);
        return;
      } catch (error: unknown) {
        if (!(error instanceof ConsulUnreachableError)) throw error;
        api.failOver(agent);
        if (left <= 1) throw this.#unavailable('registering', error);
      }
    }
  }

  async #register(agent: Address, signal: AbortSignal): Promise<void> {
    const { id, service, host, port, zone, weight, labels } = this.#options.instance;
    const version = labels['version'];
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
      this.#agents.add(agent);
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

  #pathId(): string {
    return encodeURIComponent(this.#options.instance.id);
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

function neverAborted(): AbortSignal {
  return new AbortController().signal;
}
