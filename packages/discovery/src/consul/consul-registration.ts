import { type Clock, type Random, delay, Heartbeat, LimitedSignal } from '@movies/time';
import { formatAddress, type Address } from '../address';
import { SourceFailure } from '../adapter/source-failure';
import { DiscoveryError } from '../discovery-error';
import { checkState, type Instance, type InstanceState } from '../instance';
import type { Registration } from '../registrar';
import type { ConsulApi, ConsulResponse } from './consul-api';
import { outputOf } from './health-entry';
import { checkIdOf, serviceDefinition, statusOf } from './service-definition';

const beatMs = 3000;
const callTimeoutMs = 2000;
/** Instances that all found themselves forgotten come back spread over this time. */
const reregisterJitterMs = 1000;

export interface ConsulRegistrationOptions {
  readonly api: ConsulApi;
  readonly instance: Instance;
  readonly clock: Clock;
  readonly random: Random;
  /** Settles when no other registration of this id is being taken out, which would take out this one. Never rejects. */
  readonly after: Promise<unknown>;
  /** Called when the beats have ended for good, and no request is under way. */
  readonly onEnd: () => void;
}

/**
 * One instance at Consul: a service with a TTL check that is kept passing by beats. It stands at one agent. A beat that
 * fails there registers it at the next one, and after each beat it is taken out where it stood before, until that agent
 * answers or has forgotten it: its check there is critical 10 s after the last beat, so that until then both stand.
 */
export class ConsulRegistration implements Registration {
  readonly #options: ConsulRegistrationOptions;
  /**
   * Where the instance stands, or may stand: an agent can have registered it and its response be lost.
   * More than one after a fail-over.
   */
  readonly #standing = new Map<Address, 'certain' | 'possible'>();
  readonly #abandoned = new AbortController();
  #agent: Address;
  /** The token it was registered with: the agent tells the servers of the instance, and of its check, by this one. */
  #token: string | undefined;
  #heartbeat: Heartbeat | undefined;
  #state: InstanceState;
  #note = '';
  #failure: DiscoveryError | undefined;
  #leaving: Promise<void> | undefined;
  #starting: Promise<void> | undefined;
  #withdrawing: Promise<void> | undefined;
  #deregistering: Promise<void> | undefined;

  constructor(options: ConsulRegistrationOptions) {
    this.#options = options;
    this.#agent = options.api.agent;
    this.#state = options.instance.state;
  }

  get failure(): DiscoveryError | undefined {
    return this.#failure;
  }

  get id(): string {
    return this.#options.instance.id;
  }

  /** Settles when the instance has been taken out, as far as it could be; `undefined` while it is not to be. */
  get ending(): Promise<unknown> | undefined {
    const ending = this.#deregistering ?? this.#withdrawing;
    return ending?.catch(() => undefined);
  }

  /**
   * Registers at the first agent that takes it, and beats from then on; see `Registrar.register`. An agent may have
   * registered the instance although this rejects: it is then taken out there, once, which the rejection does not wait
   * for.
   */
  start(signal: AbortSignal | undefined): Promise<void> {
    this.#starting = this.#start(signal);
    return this.#starting;
  }

  /** Ends the beats and leaves the instance to its TTL: the registry is being closed. Twice is fine. */
  async abandon(): Promise<void> {
    this.#abandoned.abort(new DiscoveryError('closed', 'the Consul registry is closed'));
    const stopped = this.#heartbeat?.stop();
    await Promise.allSettled([this.#starting]);
    await Promise.all([stopped, this.#leaving, this.ending]);
  }

  report(state: InstanceState, note = ''): void {
    checkState(state);
    if ((typeof note as unknown) !== 'string') {
      throw new DiscoveryError('invalid_instance', `a note is a text, and not a ${typeof note}`);
    }
    this.#state = state;
    this.#note = note;
    this.#heartbeat?.beatNow();
  }

  deregister(): Promise<void> {
    this.#deregistering ??= this.#end();
    return this.#deregistering;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.deregister();
  }

  async #start(signal: AbortSignal | undefined): Promise<void> {
    const { clock, random } = this.#options;
    const abandoned = this.#abandoned.signal;
    const abort = () => {
      this.#abandoned.abort(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      signal?.throwIfAborted();
      await this.#waitForOther(abandoned);
      await this.#atSomeAgent('registering', abandoned, () => this.#register(abandoned));
      abandoned.throwIfAborted();
    } catch (error: unknown) {
      this.#withdrawing = this.#withdraw();
      throw error;
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
    // Registering cannot say it.
    if (this.#state === 'draining') this.#heartbeat.beatNow();
  }

  async #waitForOther(signal: AbortSignal): Promise<void> {
    const { after, clock } = this.#options;
    using limited = new LimitedSignal(signal, Infinity, clock);
    try {
      await limited.race(after);
    } finally {
      signal.throwIfAborted();
    }
  }

  /** Where it cannot be taken out, its check makes it critical after 10 s, and Consul removes it 5 minutes later. */
  async #withdraw(): Promise<void> {
    await this.#deregisterEverywhere();
    this.#options.onEnd();
  }

  async #end(): Promise<void> {
    // First the beats, so that none of them registers what is being taken out.
    await this.#heartbeat?.stop();
    await this.#leaving;
    const failed = await this.#deregisterEverywhere();
    this.#options.onEnd();
    if (failed !== undefined) throw this.#unavailable('deregistering', failed);
  }

  /** Resolves with what failed where the instance stands for certain. */
  async #deregisterEverywhere(): Promise<unknown> {
    const { signal } = new AbortController();
    const results = await Promise.all(
      [...this.#standing].map(async ([agent, standing]) => {
        try {
          await this.#deregister(agent, signal);
        } catch (error: unknown) {
          if (standing === 'certain') return error;
        }
        return undefined;
      }),
    );
    return results.find((error) => error !== undefined);
  }

  async #deregister(agent: Address, signal: AbortSignal): Promise<void> {
    const path = `/v1/agent/service/deregister/${encodeURIComponent(this.#options.instance.id)}`;
    const response = await this.#put(agent, path, signal);
    // 404: the agent has forgotten it already.
    if (response.status === 200 || response.status === 404) return;
    throw this.#options.api.failureOf(response);
  }

  async #beat(signal: AbortSignal): Promise<void> {
    try {
      await this.#atSomeAgent('beating for', signal, () => this.#beatOnce(signal));
      this.#failure = undefined;
    } catch (error: unknown) {
      if (!signal.aborted) this.#failure = this.#unavailable('beating for', error);
      return;
    }
    this.#leaving ??= this.#leaveOthers(signal).finally(() => {
      this.#leaving = undefined;
    });
  }

  async #beatOnce(signal: AbortSignal): Promise<void> {
    const { api, clock, random } = this.#options;
    if (api.token !== this.#token) await this.#register(signal);
    const response = await this.#update(signal);
    if (response.status === 200) return;
    if (!isForgotten(response)) throw api.failureOf(response);
    await delay(random() * reregisterJitterMs, clock, signal);
    await this.#register(signal);
    // Registering says nothing of the note.
    if (outputOf(this.#state, this.#note) !== '') await this.#update(signal);
  }

  /** Runs `call`, which is to be at `#agent`; when it fails at the next one, each once. */
  async #atSomeAgent(doing: string, signal: AbortSignal, call: () => Promise<void>): Promise<void> {
    const { api } = this.#options;
    const failures: SourceFailure[] = [];
    while (failures.length < api.agents.length) {
      try {
        await call();
        return;
      } catch (error: unknown) {
        signal.throwIfAborted();
        const failure = SourceFailure.of(error);
        failures.push(failure);
        this.#agent = api.agentAfter(this.#agent, failure);
      }
    }
    // What an agent said tells more than that another one is not there.
    throw this.#unavailable(doing, failures.find(isRefusal) ?? failures.at(-1));
  }

  async #register(signal: AbortSignal): Promise<void> {
    const { api, instance } = this.#options;
    const agent = this.#agent;
    const { token } = api;
    if (!this.#standing.has(agent)) this.#standing.set(agent, 'possible');
    const path = '/v1/agent/service/register?replace-existing-checks=true';
    const body = serviceDefinition(instance, this.#state);
    const response = await this.#put(agent, path, signal, body);
    if (response.status !== 200) {
      const failure = api.failureOf(response);
      if (response.status < 500 && this.#standing.get(agent) === 'possible')
        this.#standing.delete(agent);
      throw failure;
    }
    this.#standing.set(agent, 'certain');
    this.#token = token;
  }

  #update(signal: AbortSignal): Promise<ConsulResponse> {
    const path = `/v1/agent/check/update/${encodeURIComponent(checkIdOf(this.#options.instance))}`;
    const Output = outputOf(this.#state, this.#note);
    return this.#put(this.#agent, path, signal, { Status: statusOf(this.#state), Output });
  }

  /** Takes the instance out where it stood before a fail-over. What cannot be reached is tried again after the next beat. */
  async #leaveOthers(signal: AbortSignal): Promise<void> {
    const others = [...this.#standing.keys()].filter((agent) => agent !== this.#agent);
    await Promise.all(
      others.map(async (agent) => {
        try {
          await this.#deregister(agent, signal);
        } catch {
          return;
        }
        if (agent === this.#agent) return;
        this.#standing.delete(agent);
        // Two addresses can be those of one agent, which has then taken out all there is.
        this.#heartbeat?.beatNow();
      }),
    );
  }

  #put(agent: Address, path: string, signal: AbortSignal, body?: unknown): Promise<ConsulResponse> {
    return this.#options.api.send(
      { method: 'PUT', path, body, timeoutMs: callTimeoutMs, signal },
      agent,
    );
  }

  #unavailable(doing: string, cause: unknown): DiscoveryError {
    if (cause instanceof DiscoveryError) return cause;
    const { id, host, port } = this.#options.instance;
    const failure = SourceFailure.of(cause);
    return new DiscoveryError(
      doing === 'registering' && isRefusal(failure)
        ? 'registration_refused'
        : 'registry_unavailable',
      `${doing} '${id}' (${formatAddress({ host, port })}): ${failure.message}`,
      { cause },
    );
  }
}

/** The registry does not take what it was asked; 429 and 5xx do not mean that. */
function isRefusal({ reason }: SourceFailure): boolean {
  return reason.startsWith('http_4') && reason !== 'http_429';
}

/** 404 since Consul 1.7, before that 500 with "does not have associated TTL". */
function isForgotten({ status, body }: ConsulResponse): boolean {
  return status === 404 || (status === 500 && body.includes('does not have associated TTL'));
}
