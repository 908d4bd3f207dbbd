import type { Clock } from '@movies/time';
import { Dispatcher, Dispatcher1Wrapper } from 'undici';
import type { Attempt } from '../attempt';
import { UpstreamError } from '../upstream-error';
import type { HeldCallers } from './held-callers';
import { OrdinaryHosts } from './ordinary-hosts';
import { RelayedRequest } from './relayed-request';
import { RequestControl } from './request-control';
import { routeOf } from './route';

export interface MeshDispatcherOptions {
  readonly callers: HeldCallers;
  /** Closes the mesh, and with it this dispatcher by `end`. */
  readonly close: (limitMs?: number) => Promise<void>;
  readonly clock: Clock;
}

/**
 * undici's way to make requests: hosts that are services go to their instances, and all other hosts where an ordinary
 * `Agent` finds them. Takes the handlers of older editions of undici as well, such as that of the `fetch` of Node.
 */
export class MeshDispatcher extends Dispatcher {
  readonly #options: MeshDispatcherOptions;
  readonly #legacy = new Dispatcher1Wrapper(this);
  readonly #ordinary: OrdinaryHosts;
  #isClosed = false;

  constructor(options: MeshDispatcherOptions) {
    super();
    this.#options = options;
    this.#ordinary = new OrdinaryHosts(options.clock);
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    return this.send(options, handler, () => undefined);
  }

  /** As `dispatch`; `onAttempts` is told every attempt once there is a response or an error. */
  send(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
    onAttempts: (attempts: readonly Attempt[]) => void,
  ): boolean {
    // A handler of an older edition: its methods have other names.
    if (typeof handler.onRequestStart !== 'function') {
      return this.#legacy.dispatch(options, handler);
    }
    const route = routeOf(options.origin);
    if (this.#isClosed) {
      const service = route?.target ?? String(options.origin);
      const error = new UpstreamError('upstream_unavailable', 'this mesh is closed', { service });
      handler.onResponseError?.(new RequestControl(), error);
      return true;
    }
    const lease = route && this.#options.callers.take(route);
    const plain = withoutDispatcher(options);
    if (lease === undefined) return this.#ordinary.dispatch(plain, handler);
    new RelayedRequest({ options: plain, handler, lease, onAttempts }).start();
    return true;
  }

  /** Takes no new requests, and lets those to ordinary hosts finish for at most `limitMs`. */
  end(limitMs: number): Promise<void> {
    this.#isClosed = true;
    return this.#ordinary.close(limitMs);
  }

  /** Closes the mesh. */
  override close(): Promise<void>;
  override close(callback: () => void): void;
  override close(callback?: () => void): Promise<void> | undefined {
    return settle(this.#options.close(), callback);
  }

  /** Closes the mesh and breaks what is under way. */
  override destroy(error?: Error | null): Promise<void>;
  override destroy(callback: () => void): void;
  override destroy(error: Error | null, callback: () => void): void;
  override destroy(
    first?: Error | null | (() => void),
    callback = typeof first === 'function' ? first : undefined,
  ): Promise<void> | undefined {
    return settle(this.#options.close(0), callback);
  }
}

/** Older editions pass on that they were given a dispatcher, which this one refuses. */
function withoutDispatcher(options: Dispatcher.DispatchOptions): Dispatcher.DispatchOptions {
  if (!('dispatcher' in options)) return options;
  const others: Dispatcher.DispatchOptions & { dispatcher?: unknown } = { ...options };
  delete others.dispatcher;
  return others;
}

function settle(closing: Promise<void>, callback?: () => void): Promise<void> | undefined {
  if (callback === undefined) return closing;
  void closing.then(callback);
  return undefined;
}
