import { randomBytes } from 'node:crypto';
import {
  createInstance,
  failureOf,
  formatAddress,
  type DiscoveryError,
  type Instance,
  type Registration,
  type ServiceWatch,
} from '@movies/discovery';
import { delay, systemClock } from '@movies/time';
import { ServiceClient } from '@movies/service-client';
import type { Logger } from 'pino';
import type { StartingService } from './all-ready';
import { findAdvertisedAddress } from './advertised-address';
import { createApp, type ServiceRouter } from './create-app';
import { discoveryConcern } from './discovery-concern';
import { logFailures } from './failure-log';
import { Health } from './health';
import { HttpListener } from './http-listener';
import { keepTrying } from './keep-trying';
import { createLogger } from './logger';
import { Metrics } from './metrics';
import type { ServiceConfig } from './service-settings';
import type { Store } from './store';

/** What a service brings: its name, whom it calls, its routes. */
export interface ServiceDefinition {
  readonly name: string;
  readonly version: string;
  /** Names of the services it calls; their sets must be known before it is ready. */
  readonly upstreams: readonly string[];
  /** Prepared before it is ready; one that is lost later does not make it unready, or all instances would be at once. */
  readonly store?: Store;
  /** Adds the routes; there is a client for each of `upstreams`. */
  readonly routes: (router: ServiceRouter, clients: ServiceClients) => void;
}

/** A client for each upstream, by name. */
export type ServiceClients = ReadonlyMap<string, ServiceClient>;

/** A service that accepts connections. */
export interface RunningService extends StartingService {
  readonly instanceId: string;
  readonly port: number;
  readonly logger: Logger;
  /** Resolves when it is ready for the first time; never rejects, stays pending if it is stopped before. */
  readonly ready: Promise<void>;
  /**
   * Stops in order; resolves to whether everything in flight was answered. Twice is fine.
   */
  stop(): Promise<boolean>;
}

/** The environment variables with a pod's name and address (the downward API sets them). */
type PodEnvironment = Readonly<Record<string, string | undefined>>;

const podShutdownDelayMs = 5000;

/** A page of a hundred films, each as large as it may be, in JSON's longest form. */
const maxUpstreamBodyBytes = 4 * 1024 * 1024;

/**
 * The one start and stop order:
 * bind → register → store prepared → first sync → ready; then, on `stop`,
 * not ready, deregister → serve on for the delay → stop accepting → finish what is in flight →
 * close clients, watches and store. Rejects only if it cannot bind.
 *
 * The registry is the caller's: several services may share it, so it is closed after the last of them.
 */
export async function startService(
  definition: ServiceDefinition,
  config: ServiceConfig,
  env: PodEnvironment = process.env,
): Promise<RunningService> {
  const service = new Service(definition, config, env);
  await service.start();
  return service;
}

class Service implements RunningService {
  readonly name: string;
  readonly instanceId: string;
  readonly logger: Logger;
  readonly ready: Promise<void>;
  readonly #definition: ServiceDefinition;
  readonly #config: ServiceConfig;
  readonly #env: PodEnvironment;
  readonly #health = new Health();
  readonly #metrics = new Metrics();
  readonly #clients: Map<string, ServiceClient>;
  readonly #stopping = new AbortController();
  #listener: HttpListener | undefined;
  #registration: Registration | undefined;
  /** Why the last try to register failed; the registration knows of later ones. */
  #registerFailure: DiscoveryError | undefined;
  #becomingReady: Promise<void> = Promise.resolve();
  #announceReady: () => void = () => undefined;
  #stopLoggingFailures: () => void = () => undefined;
  #stopped: Promise<boolean> | undefined;

  constructor(definition: ServiceDefinition, config: ServiceConfig, env: PodEnvironment) {
    this.#definition = definition;
    this.#config = config;
    this.#env = env;
    this.name = definition.name;
    this.instanceId =
      nonEmpty(env['POD_NAME']) ?? `${definition.name}-${randomBytes(4).toString('hex')}`;
    this.logger = createLogger({
      level: config.logLevel,
      format: config.logFormat,
      base: { service: definition.name, instance: this.instanceId },
    });
    this.ready = new Promise((resolve) => {
      this.#announceReady = resolve;
    });
    definition.store?.onQuery((end) => {
      this.#metrics.observeQuery(end);
    });
    this.#clients = new Map(
      definition.upstreams.map((service) => [service, this.#createClient(service)]),
    );
  }

  get unreadyBecause(): string | undefined {
    return this.#health.reason;
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  async start(): Promise<void> {
    const { host, port, requestTimeoutMs } = this.#config;
    const app = createApp({
      instanceId: this.instanceId,
      requestTimeoutMs,
      logger: this.logger,
      health: this.#health,
      metrics: this.#metrics,
      concerns: () => this.#concerns(),
      routes: (router) => {
        this.#definition.routes(router, this.#clients);
      },
    });
    const handler = app.callback();
    try {
      this.#listener = await HttpListener.listen({
        port,
        host,
        handler: (request, response) => void handler(request, response),
      });
    } catch (error: unknown) {
      await this.stop();
      throw error;
    }
    this.logger.info({ port: this.port }, `listening on port ${this.port}`);
    this.#stopLoggingFailures = this.#logFailures();
    this.#becomingReady = this.#becomeReady();
  }

  stop(): Promise<boolean> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #becomeReady(): Promise<void> {
    const { signal } = this.#stopping;
    try {
      this.#registration = await this.#register();
      await this.#prepareStore();
      for (const { watch } of this.#clients.values()) {
        const end = watch.subscribe(
          (view) => {
            if (view.state === 'unknown') this.#awaitSync(watch);
          },
          { signal },
        );
        if (watch.view.state === 'unknown') this.#awaitSync(watch);
        await watch.synced({ signal, timeoutMs: Infinity });
        end();
      }
      // A stop may have begun while the last step succeeded: draining must not turn into ready.
      signal.throwIfAborted();
    } catch (error: unknown) {
      if (signal.aborted) return;
      // Nothing that heals: a name that the registry cannot have, or a registry that is closed.
      this.#health.becomeUnready((error as Error).message);
      this.logger.error({ err: error }, 'it cannot become ready');
      return;
    }
    this.#health.becomeReady();
    this.#registration?.report('ready');
    this.logger.info('ready');
    this.#announceReady();
  }

  #awaitSync({ service, view }: ServiceWatch): void {
    this.#health.becomeUnready(
      `the instances of '${service}' are not known: ` +
        (failureOf(view)?.message ?? 'the registry has not answered yet'),
    );
  }

  /** There is nothing to register where the platform does. */
  async #register(): Promise<Registration | undefined> {
    const { registrar } = this.#config.registry;
    if (registrar === undefined) return undefined;
    const register = async (signal: AbortSignal) => {
      // With each try: an agent whose name is not known yet, is one that is not there yet.
      const instance = await this.#describeInstance();
      const registration = await registrar.register(instance, { signal });
      this.#registerFailure = undefined;
      const advertised = formatAddress(instance);
      this.logger.info({ advertised }, `registered as ${advertised}`);
      return registration;
    };
    return this.#keepTrying(register, (error) => {
      this.#registerFailure = error as DiscoveryError;
      this.#health.becomeUnready(`not registered: ${this.#registerFailure.message}`);
    });
  }

  async #prepareStore(): Promise<void> {
    const { store } = this.#definition;
    if (store === undefined) return;
    this.#health.becomeUnready('the database is being prepared');
    await this.#keepTrying(
      (signal) => store.prepare(signal),
      (error) => {
        this.#health.becomeUnready(`the database is not ready: ${(error as Error).message}`);
      },
    );
  }

  /** Until it succeeds or the service stops. */
  #keepTrying<T>(
    attempt: (signal: AbortSignal) => Promise<T>,
    onFailure: (error: unknown) => void,
  ): Promise<T> {
    const { signal } = this.#stopping;
    return keepTrying(attempt, { onFailure, signal, clock: systemClock, random: Math.random });
  }

  async #stop(): Promise<boolean> {
    const { shutdownDelayMs, shutdownTimeoutMs } = this.#config;
    const inPod = nonEmpty(this.#env['KUBERNETES_SERVICE_HOST']) !== undefined;
    const delayMs = shutdownDelayMs ?? (inPod ? podShutdownDelayMs : 0);
    this.#health.becomeUnready('draining');
    this.#listener?.beginClosing();
    this.#stopping.abort();
    this.#stopLoggingFailures();
    await this.#becomingReady;
    await this.#registration?.deregister().catch((error: unknown) => {
      this.logger.warn({ err: error }, 'could not be deregistered; its check will expire');
    });
    if (this.#listener !== undefined && delayMs > 0) {
      this.logger.info(`draining: serving on for ${delayMs} ms`);
      await delay(delayMs, systemClock, new AbortController().signal);
    }
    const finished = (await this.#listener?.close(shutdownTimeoutMs)) ?? true;
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
    await this.#definition.store?.close();
    if (this.#listener !== undefined) {
      this.logger.info(finished ? 'stopped' : 'stopped; requests in flight were cut off');
    }
    return finished;
  }

  #createClient(service: string): ServiceClient {
    const client = new ServiceClient({
      service,
      registry: this.#config.registry.registry,
      deadlineMs: this.#config.requestTimeoutMs,
      maxBodyBytes: maxUpstreamBodyBytes,
      zone: this.#config.zone,
      node: nonEmpty(this.#env['NODE_NAME']),
      onAttempt: (attempt) => {
        this.#metrics.countAttempt(attempt);
      },
    });
    this.#metrics.follow(client);
    let told: string | undefined;
    client.watch.subscribe((view) => {
      const emptyBecause = view.state === 'known' ? view.emptyBecause : undefined;
      if (emptyBecause !== undefined && emptyBecause !== told) {
        this.logger.warn(`there is no instance of '${service}': ${emptyBecause}`);
      }
      told = emptyBecause;
    });
    return client;
  }

  async #describeInstance(): Promise<Instance> {
    const { port } = this;
    const { advertise, host, registry, zone } = this.#config;
    const address = await findAdvertisedAddress({
      advertise,
      host,
      port,
      agent: registry.agent,
      podIp: nonEmpty(this.#env['POD_IP']),
    });
    return createInstance({
      ...address,
      id: this.instanceId,
      service: this.name,
      // Not before it is ready: whoever is registered early gets traffic early.
      state: 'not_ready',
      labels: { version: this.#definition.version },
      ...(zone === undefined ? {} : { zone }),
    });
  }

  #concerns(): string[] {
    return [
      ...[...this.#clients.values()].map(({ watch }) => discoveryConcern(watch)),
      this.#definition.store?.failure?.message,
    ].filter((concern) => concern !== undefined);
  }

  #logFailures(): () => void {
    const common = { logger: this.logger, clock: systemClock };
    const stops = [
      logFailures({
        ...common,
        failures: () => this.#failures(),
        begins: 'the registry does not answer',
        ends: 'the registry answers again',
      }),
      logFailures({
        ...common,
        failures: () => [this.#definition.store?.failure].filter((each) => each !== undefined),
        begins: 'there is trouble with the database',
        ends: 'the database is well again',
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }

  #failures(): DiscoveryError[] {
    const watches = [...this.#clients.values()].map(({ watch }) => failureOf(watch.view));
    return [this.#registerFailure, this.#registration?.failure, ...watches].filter(
      (failure) => failure !== undefined,
    );
  }
}

/** An empty variable is an unset one, as for every setting. */
function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
