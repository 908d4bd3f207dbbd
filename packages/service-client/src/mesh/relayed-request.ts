import type { Dispatcher } from 'undici';
import type { Attempt } from '../attempt';
import type { CallResponse } from '../caller';
import { Deadline, retryAttemptHeader, timeoutHeader } from '../deadline';
import { UpstreamError } from '../upstream-error';
import { flatHeaders, headerOf, headerPairs } from './header-pairs';
import type { Lease } from './held-callers';
import { RelayExchange } from './relay-exchange';
import { bufferSmallBody, isReplayable, watchBody, type RequestBody } from './replayable-body';
import { RequestControl } from './request-control';

/** As in undici: a body may be silent for so long, in milliseconds. */
const bodyTimeoutMs = 300_000;

export interface RelayedRequestOptions {
  readonly options: Dispatcher.DispatchOptions;
  readonly handler: Dispatcher.DispatchHandler;
  readonly lease: Lease;
  readonly onAttempts: (attempts: readonly Attempt[]) => void;
}

/** One request of a dispatcher to a service: attempts until there is a head, then the body of the one handed on. */
export class RelayedRequest {
  readonly #of: RelayedRequestOptions;
  readonly #control = new RequestControl();

  constructor(options: RelayedRequestOptions) {
    this.#of = options;
  }

  start(): void {
    const { handler, lease } = this.#of;
    try {
      handler.onRequestStart?.(this.#control, {});
    } catch (error: unknown) {
      this.#control.abort(toError(error));
    }
    void this.#run().finally(lease.release);
  }

  async #run(): Promise<void> {
    try {
      await this.#relay(await this.#call());
    } catch (error: unknown) {
      // An abort is told as itself, which is what `fetch` and undici's methods expect.
      const told = this.#control.reason ?? toError(error);
      try {
        this.#of.handler.onResponseError?.(this.#control, told);
      } catch (thrown: unknown) {
        process.emitWarning(toError(thrown));
      }
    }
  }

  async #call(): Promise<Head> {
    const { options, lease, onAttempts } = this.#of;
    const { caller, settings, host } = lease;
    const { signal } = this.#control;
    const { method } = options;
    const pairs = headerPairs(options.headers);
    const deadline = Deadline.after(this.#limitMs(headerOf(pairs, timeoutHeader)), settings.clock);
    const { body, isSwitching } = await this.#body(headerOf(pairs, 'content-length'), deadline);
    // Each attempt has its own.
    const own = pairs.filter(([name]) => !replaced.has(name.toLowerCase()));
    if (headerOf(own, 'host') === undefined) own.unshift(['host', host]);
    try {
      const { response, attempts } = await caller.call(
        {
          method,
          headers: Object.fromEntries(pairs),
          deadline,
          signal,
          isReplayable: !isSwitching && isReplayable(body),
          isRetry: Number(headerOf(pairs, retryAttemptHeader) ?? 0) > 0,
        },
        () => new RelayExchange(settings.clock),
        (added) => ({
          ...options,
          headers: flatHeaders([...own, ...Object.entries(added)]),
          body,
          headersTimeout: 0,
          bodyTimeout: options.bodyTimeout ?? bodyTimeoutMs,
        }),
      );
      onAttempts(attempts);
      return response;
    } catch (error: unknown) {
      if (error instanceof UpstreamError) onAttempts(error.attempts);
      throw error;
    }
  }

  /** The shortest of what this client, its caller's caller and the options of the request allow, in milliseconds. */
  #limitMs(told: string | undefined): number {
    const { options, lease } = this.#of;
    const limits = [Number(told ?? Infinity), options.headersTimeout ?? Infinity];
    return Math.min(lease.settings.deadlineMs, ...limits.filter((ms) => ms > 0));
  }

  async #body(
    contentLength: string | undefined,
    deadline: Deadline,
  ): Promise<{ readonly body: RequestBody; readonly isSwitching: boolean }> {
    const { options, lease } = this.#of;
    const isSwitching = Boolean(options.upgrade) || options.method === 'CONNECT';
    const given = options.body ?? null;
    if (isReplayable(given)) return { body: given, isSwitching };
    const late = new AbortController();
    const cancel = lease.settings.clock.schedule(Math.max(0, deadline.remainingMs()), () => {
      const message = 'the body of the request did not come before the deadline';
      const { service } = lease.caller.watch;
      late.abort(new UpstreamError('upstream_timeout', message, { service }));
    });
    const signal = AbortSignal.any([this.#control.signal, late.signal]);
    const body = await bufferSmallBody(given, contentLength, signal).finally(cancel);
    const watched = watchBody(body, (error) => {
      this.#control.abort(error);
    });
    return { body: watched, isSwitching };
  }

  /** Resolves when the response has ended, or was aborted. */
  #relay({ status, headers, body: exchange }: Head): Promise<void> {
    const { handler } = this.#of;
    const control = this.#control;
    // Aborted just when the response came.
    if (control.aborted) {
      exchange.cancel('aborted', toError(control.reason), true);
      return Promise.reject(toError(control.reason));
    }
    control.follow(exchange);
    return new Promise((resolve, reject) => {
      const cut = () => {
        exchange.cancel('aborted', toError(control.reason), true);
        reject(toError(control.reason));
      };
      const over = () => {
        control.signal.removeEventListener('abort', cut);
      };
      /** As undici does: what a handler throws ends its request. */
      const guarded = (call: () => void) => {
        try {
          call();
        } catch (error: unknown) {
          control.abort(toError(error));
        }
      };
      control.signal.addEventListener('abort', cut, { once: true });
      const { socket } = exchange;
      if (socket !== undefined) {
        over();
        try {
          handler.onRequestUpgrade?.(control, status, headers, socket);
          resolve();
        } catch (error: unknown) {
          socket.destroy();
          reject(toError(error));
        }
        return;
      }
      guarded(() => handler.onResponseStart?.(control, status, headers, exchange.statusText));
      exchange.relayTo(
        {
          data: (chunk) => {
            guarded(() => handler.onResponseData?.(control, chunk));
          },
          end: (trailers) => {
            over();
            try {
              handler.onResponseEnd?.(control, trailers);
              resolve();
            } catch (error: unknown) {
              reject(toError(error));
            }
          },
          error: (error) => {
            over();
            reject(error);
          },
        },
        control.paused,
      );
    });
  }
}

type Head = CallResponse<RelayExchange>['response'];

/** Headers that say something of an attempt. */
const replaced = new Set([timeoutHeader, retryAttemptHeader]);

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
