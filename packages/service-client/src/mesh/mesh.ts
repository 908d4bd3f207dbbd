import { isDeepStrictEqual } from 'node:util';
import { parseTarget, type Registry } from '@movies/discovery';
// The module itself is loaded by the first mesh that opens a URL.
import type * as FromUrl from '@movies/discovery/from-url';
import { systemClock } from '@movies/time';
import { Dispatcher1Wrapper, type Dispatcher } from 'undici';
import type { Balancer } from '../balancer/balancer';
import { checkFunction } from '../check-options';
import type { ClientExplanation } from '../explain';
import { clientSettings, type ClientOptions, type ClientSettings } from '../client-options';
import { ServiceClient } from '../service-client';
import { noteAttempts } from './attempts-of';
import { CallDispatcher } from './call-dispatcher';
import { HeldCallers } from './held-callers';
import { MeshDispatcher } from './mesh-dispatcher';
import { routeOf, type Route } from './route';

/**
 * How a mesh calls services: as `ClientOptions`, but that each service gets a balancer of its own. `maxBodyBytes` limits
 * what `service` reads; bodies of `fetch` and the dispatcher are streamed, of any size.
 */
export interface MeshServiceOptions extends Omit<ClientOptions, 'balancer'> {
  /** Makes the balancer of one service. `() => new PeakEwma()` by default. */
  readonly balancer?: (() => Balancer) | undefined;
}

export interface MeshOptions extends MeshServiceOptions {
  /** Other options for some services, by target without a port: `rating`, or `rating.shop`. */
  readonly services?: Readonly<Record<string, MeshServiceOptions>> | undefined;
}

/** The `fetch` of Node, also where a program puts that of a mesh in its place. */
const nodeFetch = globalThis.fetch;

/**
 * All services of one registry, by their names: `fetch('http://rating/…')` goes to an instance of `rating`. Watches a
 * service from the first request to it until it gets none for a minute.
 */
export class Mesh implements AsyncDisposable {
  readonly registry: Registry;
  readonly #ownsRegistry: boolean;
  readonly #options: MeshOptions;
  readonly #callers: HeldCallers;
  readonly #dispatcher: MeshDispatcher;
  readonly #clients: { readonly key: readonly unknown[]; readonly client: ServiceClient }[] = [];
  #closing: Promise<void> | undefined;

  /**
   * `registry`: a registry, or the URL of one, as `kubernetes:` or `consul://127.0.0.1:8500`. Connects to nothing yet.
   * Throws a `DiscoveryError` with the code `invalid_registry_url` or `invalid_options` for a URL that cannot be used,
   * and a `RangeError` or a `TypeError` that names the option.
   */
  constructor(registry: string | Registry, options: MeshOptions = {}) {
    const { services = {}, ...all } = options;
    this.#options = options;
    const clock = options.clock ?? systemClock;
    checkOptions(all);
    for (const [name, more] of Object.entries(services)) {
      if (parseTarget(name).port !== undefined) {
        throw new TypeError(`'${name}' names a port: options are given by service`);
      }
      checkOptions({ ...all, ...more });
    }
    this.#ownsRegistry = typeof registry === 'string';
    this.registry = typeof registry === 'string' ? openRegistry(registry) : registry;
    if (typeof (this.registry as Partial<Registry> | undefined)?.watch !== 'function') {
      throw new TypeError("'registry' is a Registry, or the URL of one");
    }
    this.#callers = new HeldCallers({
      registry: this.registry,
      clock,
      settings: (route) => this.#settingsOf(route),
    });
    this.#dispatcher = new MeshDispatcher({
      callers: this.#callers,
      close: (limitMs) => this.close(limitMs),
      clock,
    });
  }

  /**
   * Node's own `fetch`, but that hosts without a dot are services. `deadlineMs` limits the time until the head of a
   * response; its body may take longer, until `signal` aborts. A `dispatcher` in `init` has no effect. Rejects with a `TypeError` whose `cause` is an
   * `UpstreamError` if there is no response, and with the signal's reason.
   */
  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const call = new CallDispatcher(this.#dispatcher);
    // The types of Node are those of another edition of undici.
    const dispatcher = new Dispatcher1Wrapper(call) as unknown as RequestInit['dispatcher'];
    const response = await nodeFetch(input, { ...init, ...(dispatcher && { dispatcher }) });
    noteAttempts(response, call.attempts);
    return response;
  };

  /** For undici's `request`, `stream` and `fetch`, and for all that take a dispatcher of undici. Closing it closes the mesh. */
  get dispatcher(): Dispatcher {
    return this.#dispatcher;
  }

  /**
   * The client of one service, by its target: `rating`, or `rating.shop:grpc`. One for each target and options, closed
   * with the mesh. Throws a `RangeError` or a `TypeError` that names the option.
   */
  service(target: string, options: MeshServiceOptions = {}): ServiceClient {
    const key = [target, options];
    const open = this.#clients.findIndex((known) => isDeepStrictEqual(known.key, key));
    const known = this.#clients[open]?.client;
    if (known?.isClosed === false) return known;
    if (open >= 0) this.#clients.splice(open, 1);
    const client = new ServiceClient({
      ...ownBalancer({ ...this.#optionsOf(nameIn(target)), ...options }),
      service: target,
      registry: this.registry,
    });
    if (this.#closing !== undefined) void client.close(0);
    this.#clients.push({ key, client });
    return client;
  }

  /**
   * What is known of a service at this moment, as `fetch` calls it, and the last 200 events: of `rating`, or of
   * `https://rating:8443`. Throws a `TypeError` for a host that is no service.
   */
  explain(service: string): ClientExplanation {
    const route = routeOf(service.includes('://') ? service : `http://${service}`);
    const lease = route && this.#callers.take(route);
    if (lease === undefined) throw new TypeError(`'${service}' is no service of this registry`);
    lease.release();
    return lease.caller.explain();
  }

  /**
   * Takes no new requests, lets those under way finish for at most `limitMs`, and frees everything; also the registry if
   * the mesh was given its URL. Twice is fine.
   */
  close(limitMs = 5000): Promise<void> {
    this.#closing ??= this.#end(limitMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(limitMs: number): Promise<void> {
    await Promise.all([
      this.#dispatcher.end(limitMs),
      this.#callers.close(limitMs),
      ...this.#clients.map(({ client }) => client.close(limitMs)),
    ]);
    if (this.#ownsRegistry) await this.registry.close();
  }

  #optionsOf(name: string): MeshServiceOptions {
    const { services = {}, ...all } = this.#options;
    return { ...all, ...(Object.hasOwn(services, name) ? services[name] : {}) };
  }

  #settingsOf({ target, isSecure, hostname }: Route): ClientSettings {
    const { tls, ...options } = ownBalancer(this.#optionsOf(target));
    const serverName = tls?.serverName ?? hostname;
    return clientSettings({ ...options, ...(isSecure && { tls: { ...tls, serverName } }) });
  }
}

function openRegistry(url: string): Registry {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- it loads every adapter
  const { registryFromUrl } = require('@movies/discovery/from-url') as typeof FromUrl;
  return registryFromUrl(url).registry;
}

function checkOptions(options: MeshServiceOptions): void {
  checkFunction('balancer', options.balancer);
  clientSettings(ownBalancer(options));
}

function ownBalancer({ balancer, ...options }: MeshServiceOptions): ClientOptions {
  return balancer === undefined ? options : { ...options, balancer: balancer() };
}

/** A target without its port, by which options are given. */
function nameIn(target: string): string {
  return target.split(':', 1)[0] ?? target;
}
