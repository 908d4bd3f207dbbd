import { systemClock, type Clock, type Random } from '@movies/time';
import { formatAddress, type Address } from '../address';
import { checkForms, listForm, objectForm, textForm, textsForm } from '../adapter/check-option';
import { WatchedRegistry, type RegistryOptions } from '../adapter/watched-registry';
import { DiscoveryError } from '../discovery-error';
import { createInstance, type Instance } from '../instance';
import type { Registrar, Registration } from '../registrar';
import { refuseParts } from '../target';
import { ConsulApi } from './consul-api';
import type { ConsulTls } from './consul-files';
import { ConsulRegistration } from './consul-registration';
import { ConsulSource, parametersOf } from './consul-source';

export type { ConsulTls } from './consul-files';
export type { RegistryOptions } from '../adapter/watched-registry';

const shortestWaitMs = 1000;
/** Consul's own limit. */
const longestWaitMs = 600_000;

/** A blank text would be sent, and either ask for what nothing has, or for everything. */
const optionForms = {
  agents: listForm,
  tls: objectForm(),
  tokenFile: textForm,
  datacenter: textForm,
  tags: textsForm,
  filter: textForm,
  maxWaitMs: {
    allows: (ms: unknown) => typeof ms === 'number' && ms >= shortestWaitMs && ms <= longestWaitMs,
    expected: `${shortestWaitMs} to ${longestWaitMs} milliseconds`,
  },
};

const tlsForms = { caFile: textForm, certFile: textForm, keyFile: textForm, serverName: textForm };

/** Where Consul is, and what of it is followed. */
export interface ConsulRegistryOptions extends RegistryOptions {
  /** Agents to ask, the first one first; a watch or registration that fails at one goes on at the next. At least one. */
  readonly agents: readonly Address[];
  /** Present: HTTPS. */
  readonly tls?: ConsulTls | undefined;
  /** File with the ACL token; read again before each request. Instances are registered again with an exchanged token. */
  readonly tokenFile?: string | undefined;
  /** Where services are looked up; the agent's own by default. Instances are registered in the agent's own. */
  readonly datacenter?: string | undefined;
  /** Only instances with each of these tags are followed. */
  readonly tags?: readonly string[] | undefined;
  /**
   * Only instances that pass this are followed: an expression of Consul's language, as `Service.Meta.version == "2"`
   * (https://developer.hashicorp.com/consul/api-docs/features/filtering).
   */
  readonly filter?: string | undefined;
  /**
   * The longest time of one blocking query, in milliseconds from 1,000 to 600,000; 60,000 by default. Consul adds up to
   * a sixteenth. A balancer before Consul that cuts what is idle for 60 s needs 55,000.
   */
  readonly maxWaitMs?: number | undefined;
}

/** Both ports on Consul's HTTP API. */
export class ConsulRegistry extends WatchedRegistry implements Registrar {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #api: ConsulApi;
  readonly #registrations: Set<ConsulRegistration>;

  /** Throws `invalid_options`, naming the option, also if a file in it cannot be read or used. */
  constructor(options: ConsulRegistryOptions) {
    checkForms(options, optionForms, ['agents']);
    if (options.tls !== undefined) checkForms(options.tls, tlsForms);
    const { clock = systemClock, random = Math.random, maxWaitMs = 60_000 } = options;
    const { datacenter, tags, filter } = options;
    const query = { datacenter, tags, filter, maxWaitMs };
    const api = new ConsulApi({ ...options, clock });
    const registrations = new Set<ConsulRegistration>();
    super(
      {
        name: 'consul',
        open: (target, sink) => {
          refuseParts(target, 'Consul');
          return new ConsulSource({ api, service: target.service, query, sink, clock, random });
        },
        origin: ({ service }) => {
          const parameters = parametersOf(query);
          // A token may be of a namespace, which is then the one that is asked.
          if (options.tokenFile !== undefined) parameters.append('token-file', options.tokenFile);
          const agents = api.agents.map(formatAddress).toSorted().join();
          return `consul://${agents}/${service}?${parameters.toString()}`;
        },
        release: async () => {
          // What takes an instance out needs its connection.
          await Promise.all([...registrations].map((registration) => registration.abandon()));
          await api.close();
        },
        // A blocking query that returned is health.
        restMs: 0,
      },
      options,
    );
    this.#clock = clock;
    this.#random = random;
    this.#api = api;
    this.#registrations = registrations;
  }

  /**
   * See `Registrar.register`. Also rejects with `registration_refused` for meta that is beyond Consul's limits. An agent
   * may have registered the instance although this rejects, as after an abort or without a response: it is then taken
   * out once, in the background. Where that fails too, Consul has it as critical after 10 s, and removes it 5 minutes
   * later.
   */
  async register(
    instance: Instance,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Registration> {
    if (this.isClosed) throw new DiscoveryError('closed', 'the Consul registry is closed');
    const checked = createInstance(instance);
    const others = [...this.#registrations].filter(({ id }) => id === checked.id);
    const registration = new ConsulRegistration({
      api: this.#api,
      instance: checked,
      clock: this.#clock,
      random: this.#random,
      after: Promise.all(others.map(async ({ ending }) => ending)),
      onEnd: () => {
        this.#registrations.delete(registration);
      },
    });
    this.#registrations.add(registration);
    await registration.start(signal);
    return registration;
  }

  /**
   * Ends every watch, beat and connection. An instance that was not deregistered before stays at Consul until its check
   * expires. What takes an instance out is waited for, which takes at most 2 s.
   */
  override async close(): Promise<void> {
    // Together, since silence begins when `close` is called.
    for (const registration of this.#registrations) void registration.abandon();
    await super.close();
  }
}
