import type { Registry, ServiceWatch } from '@movies/discovery';
import type { Dispatcher } from 'undici';
import { Caller } from './caller';
import { clientSettings, type ClientOptions, type ClientSettings } from './client-options';
import { retryAttemptHeader, timeoutHeader, type Deadline } from './deadline';
import { WholeExchange } from './exchange';
import type { ClientExplanation } from './explain';
import { ServiceResponse } from './service-response';

export interface ServiceClientOptions extends ClientOptions {
  /** The target in the registry: `rating`, or `rating.shop:grpc`. */
  readonly service: string;
  readonly registry: Registry;
}

export interface ServiceRequest {
  readonly method: Dispatcher.HttpMethod;
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** When a response is of no use any more; the client's `deadlineMs` from now by default. */
  readonly deadline?: Deadline;
  /** Aborting it abandons the request and what is under way of it. */
  readonly signal?: AbortSignal;
  /** The request is served for a retry: it is not retried here once it was sent, or tiers would multiply. */
  readonly isRetry?: boolean;
}

/** Calls one service, wherever its instances are now. A request asks the registry nothing; it uses the watched set. */
export class ServiceClient implements AsyncDisposable {
  readonly service: string;
  readonly #settings: ClientSettings;
  readonly #caller: Caller;

  /** Throws a `RangeError` or a `TypeError` that names the option. */
  constructor({ service, registry, tls, ...options }: ServiceClientOptions) {
    this.service = service;
    const serverName = tls?.serverName ?? nameOf(service);
    this.#settings = clientSettings({ ...options, ...(tls && { tls: { ...tls, serverName } }) });
    this.#caller = new Caller(registry.watch(service), this.#settings);
  }

  /** The watched set. */
  get watch(): ServiceWatch {
    return this.#caller.watch;
  }

  /** Whether `close` was called. */
  get isClosed(): boolean {
    return this.#caller.isClosed;
  }

  /** Instances in use that are ejected now. */
  get ejected(): number {
    return this.#caller.ejected;
  }

  /**
   * Resolves with any response, read whole. Rejects with `UpstreamError`: `upstream_unavailable` (there is no instance,
   * or none could be reached), `upstream_overloaded` (too many requests wait for a connection), `upstream_timeout` (the
   * deadline), `upstream_bad_response`, `upstream_aborted` (the caller's signal). A request that cannot be sent to any
   * instance, such as a path with a line break, rejects with undici's error.
   */
  async request(request: ServiceRequest): Promise<ServiceResponse> {
    const { method, path, headers = {}, body = null } = request;
    const { clock, maxBodyBytes } = this.#settings;
    const { response, instance, attempts } = await this.#caller.call(
      { ...request, isReplayable: true },
      () => new WholeExchange(clock, maxBodyBytes),
      (added) => ({ method, path, headers: { ...withoutOwn(headers), ...added }, body }),
    );
    return new ServiceResponse({ ...response, instance, attempts });
  }

  /** What the client knows at this moment, and the last 200 events. */
  explain(): ClientExplanation {
    return this.#caller.explain();
  }

  /** Takes no new requests, lets those under way finish for at most `limitMs`, and frees everything. */
  close(limitMs = 5000): Promise<void> {
    return this.#caller.close(limitMs);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The name of a service in a target. */
function nameOf(target: string): string {
  return target.split(/[.:]/, 1)[0] ?? target;
}

const own = new Set([timeoutHeader, retryAttemptHeader]);

/** Each attempt has these headers of its own; in other letters they would be sent twice. */
function withoutOwn(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const names = Object.keys(headers);
  if (!names.some((name) => own.has(name.toLowerCase()))) return headers;
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !own.has(name.toLowerCase())),
  );
}
