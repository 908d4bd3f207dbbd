import type { Address } from '../address';
import { systemClock, type Clock, type Random } from '@movies/time';
import { DiscoveryError } from '../discovery-error';
import type { Instance } from '../instance';
import type { Registrar, Registration } from '../registrar';
import { WatchedRegistry } from '../adapter/watched-registry';
import { ConsulApi, type ConsulTls } from './consul-api';
import { ConsulFeed } from './consul-feed';
import { ConsulRegistration } from './consul-registration';

export interface ConsulRegistryOptions {
  /** Agents to ask, the first one first; the others when it cannot be reached. */
  readonly agents: readonly Address[];
  /** Present: HTTPS. */
  readonly tls?: ConsulTls | undefined;
  /** File with the ACL token; read again when an agent answers 403. */
  readonly tokenFile?: string | undefined;
  /** The agent's own by default. */
  readonly datacenter?: string | undefined;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Both ports on Consul's HTTP API. */
export class ConsulRegistry extends WatchedRegistry implements Registrar {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #api: ConsulApi;
  readonly #registrations = new Set<ConsulRegistration>();
  #closed = false;

  /** Throws `invalid_registry_url` if a file in the options cannot be read. */
  constructor(options: ConsulRegistryOptions) {
    const clock = options.clock ?? systemClock;
    const random = options.random ?? Math.random;
    const api = new ConsulApi({ ...options, clock });
    super({
      openFeed: (service, sink) => new ConsulFeed({ api, service, sink, clock, random }),
      release: () => api.close(),
      clock,
    });
    this.#clock = clock;
    this.#random = random;
    this.#api = api;
  }

  async register(
    instance: Instance,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Registration> {
    if (this.#closed) throw new DiscoveryError('closed', 'the Consul registry is closed');
    const registration = new ConsulRegistration({
      api: this.#api,
      instance,
      clock: this.#clock,
      random: this.#random,
      onEnd: () => {
        this.#registrations.delete(registration);
      },
    });
    this.#registrations.add(registration);
    try {
      await registration.start(signal);
    } catch (error: unknown) {
      this.#registrations.delete(registration);
      throw error;
    }
    return registration;
  }

  /**
   * Ends every watch, beat and connection. An instance that was not deregistered before stays at Consul
   * until its check expires.
   */
  override async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#registrations].map((registration) => registration.abandon()));
    await super.close();
  }
}
