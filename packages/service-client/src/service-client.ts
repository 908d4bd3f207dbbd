import {
  failureOf,
  instancesOf,
  type Registry,
  type ServiceWatch,
  type View,
} from '@movies/discovery';
import { Backoff, checkDuration, systemClock, type Clock, type Random } from '@movies/time';
import type { Dispatcher } from 'undici';
import type { Attempt } from './attempt';
import { Deadline, retryAttemptHeader, timeoutHeader } from './deadline';
import { isBrokenConnection, isRepeatable, isWorthRetrying, outcomeOf, wasNotSent } from './judge';
import { RetryBudget } from './retry-budget';
import { send, type SendResult } from './send';
import { ServiceResponse } from './service-response';
import type { Upstream } from './upstream';
import { UpstreamError, type UpstreamErrorCode } from './upstream-error';
import { UpstreamSet } from './upstream-set';

const maxAttempts = 3;

export interface ServiceClientOptions {
  /** The target in the registry: `rating`, or `rating.shop:grpc`. */
  readonly service: string;
  readonly registry: Registry;
  /** Whole time of a request in milliseconds, retries included, unless it brings its own. 2,000 by default. */
  readonly deadlineMs?: number;
  /** Larger answers are a bad response. 1 MiB by default. */
  readonly maxBodyBytes?: number;
  /** Connections to one instance at most. 128 by default. */
  readonly maxConnections?: number;
  /** Hears of every attempt, also of those that a retry made good. */
  readonly onAttempt?: (attempt: Attempt) => void;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface ServiceRequest {
  readonly method: Dispatcher.HttpMethod;
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** When an answer is of no use any more; the client's `deadlineMs` from now by default. */
  readonly deadline?: Deadline;
  /** Aborting it abandons the request and what is under way of it. */
  readonly signal?: AbortSignal;
  /** The request is served for a retry: it is not retried here once it was sent, or tiers would multiply. */
  readonly isRetry?: boolean;
}

/**
 * Calls one service, wherever its instances are now: deadline → budget → pick → send → judge → retry
 * elsewhere → eject. A request asks the registry nothing; it uses the watched set.
 */
export class ServiceClient {
  readonly service: string;
  readonly watch: ServiceWatch;
  readonly #options: ServiceClientOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #maxBodyBytes: number;
  readonly #upstreams: UpstreamSet;
  readonly #budget: RetryBudget;
  /** Ends each pause before a retry. */
  readonly #pauses = new Set<() => void>();
  #closing: Promise<void> | undefined;

  /** Throws a `RangeError` that names the option. */
  constructor(options: ServiceClientOptions) {
    checkDuration('deadlineMs', options.deadlineMs);
    checkCount('maxBodyBytes', options.maxBodyBytes);
    checkCount('maxConnections', options.maxConnections);
    this.#options = options;
    this.service = options.service;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#maxBodyBytes = options.maxBodyBytes ?? 1024 * 1024;
    this.#budget = new RetryBudget({
      perRequest: 0.2,
      perSecond: 10,
      windowMs: 10_000,
      clock: this.#clock,
    });
    this.#upstreams = new UpstreamSet({
      clock: this.#clock,
      random: this.#random,
      maxConnections: options.maxConnections ?? 128,
      keepAliveMs: 30_000,
      connectTimeoutMs: 1000,
    });
    this.watch = options.registry.watch(options.service);
    this.#follow(this.watch.view);
    this.watch.subscribe((view) => {
      this.#follow(view);
    });
  }

  /** Instances in use that are set aside now. */
  get ejected(): number {
    return this.#upstreams.ejected;
  }

  /**
   * Resolves with any answer, read whole. Rejects with `UpstreamError`: `upstream_unavailable` (there is no
   * instance, or none could be reached), `upstream_timeout` (the deadline), `upstream_bad_response`,
   * `upstream_aborted` (the caller's signal). A request that cannot be sent to any instance, such as a path with a
   * line break, rejects with undici's error.
   */
  async request(request: ServiceRequest): Promise<ServiceResponse> {
    const deadline =
      request.deadline ?? Deadline.after(this.#options.deadlineMs ?? 2000, this.#clock);
    if (this.watch.view.state === 'unknown') await this.#synced(request, deadline);
    this.#budget.deposit();
    const attempts: Attempt[] = [];
    let tried: readonly Upstream[] = [];
    let backoff: Backoff | undefined;
    for (;;) {
      if (request.signal?.aborted === true) throw this.#aborted(attempts, request.signal.reason);
      if (deadline.remainingMs() <= 0) throw this.#tooLate(attempts);
      const upstream = this.#upstreams.pick(tried);
      if (upstream === undefined) throw this.#nobody(attempts);
      tried = [...tried, upstream];
      // A hanging instance costs a retry and not the request, where there is another one to ask.
      const share = this.#mayTryAnother(request, attempts, tried) ? 0.5 : 1;
      const limitMs = Math.max(1, deadline.remainingMs() * share);
      const result = await this.#attempt(request, upstream, limitMs, attempts);
      if (!isWorthRetrying(outcomeOf(result))) return this.#conclude(result, upstream, attempts);
      if (isBrokenConnection(result) && !this.#upstreams.hasOther(tried)) {
        tried = tried.filter((other) => other !== upstream);
      }
      const again =
        attempts.length < maxAttempts &&
        (wasNotSent(result) || isRepeatable(request)) &&
        this.#upstreams.hasOther(tried) &&
        this.#budget.withdraw();
      if (!again) return this.#conclude(result, upstream, attempts);
      backoff ??= new Backoff({ initialMs: 25, maxMs: 250, random: this.#random });
      await this.#pause(backoff.next(Math.max(0, deadline.remainingMs())), request.signal);
    }
  }

  /** Takes no new requests, lets those under way finish for at most `limitMs`, and frees everything. */
  close(limitMs = 5000): Promise<void> {
    this.#closing ??= this.#end(limitMs);
    return this.#closing;
  }

  async #end(limitMs: number): Promise<void> {
    // From here on the watch is silent: nothing is added to the set again.
    const watch = this.watch.close();
    const upstreams = this.#upstreams.close(limitMs);
    for (const end of [...this.#pauses]) end();
    await Promise.all([watch, upstreams]);
  }

  #follow(view: View): void {
    // A set that is not known any more is not called any more; one that is closed drains by `close`.
    if (view.state !== 'closed') this.#upstreams.update(instancesOf(view));
  }

  /** Waits for the first set, and not for a registry to heal. */
  async #synced({ signal }: ServiceRequest, deadline: Deadline): Promise<void> {
    try {
      const timeoutMs = Math.max(0, deadline.remainingMs());
      await this.watch.synced({
        timeoutMs,
        failFast: true,
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (cause: unknown) {
      if (signal?.aborted === true) throw this.#aborted([], cause);
      throw this.#error('upstream_unavailable', 'its instances are not known', [], cause);
    }
  }

  /** Whether a retry would be sent if the attempt about to be made came to nothing. */
  #mayTryAnother(
    request: ServiceRequest,
    attempts: readonly Attempt[],
    tried: readonly Upstream[],
  ): boolean {
    return (
      isRepeatable(request) &&
      attempts.length + 1 < maxAttempts &&
      this.#upstreams.hasOther(tried) &&
      this.#budget.available
    );
  }

  /** One attempt at one upstream; what it taught is noted there and in `attempts`. */
  async #attempt(
    request: ServiceRequest,
    upstream: Upstream,
    limitMs: number,
    attempts: Attempt[],
  ): Promise<SendResult> {
    const startedAt = this.#clock.now();
    upstream.start();
    let result: SendResult;
    try {
      result = await this.#exchange(request, upstream, limitMs, attempts.length);
    } catch (error: unknown) {
      upstream.release();
      throw error;
    }
    const attempt: Attempt = {
      instance: upstream.instance,
      outcome: outcomeOf(result),
      durationMs: this.#clock.now() - startedAt,
      ...(result.kind === 'answer' ? { status: result.status } : { error: result.error }),
    };
    attempts.push(attempt);
    this.#upstreams.finish(upstream, attempt);
    this.#options.onAttempt?.(attempt);
    return result;
  }

  async #exchange(
    request: ServiceRequest,
    upstream: Upstream,
    limitMs: number,
    attemptsBefore: number,
  ): Promise<SendResult> {
    const headers: Record<string, string> = { ...request.headers };
    headers[timeoutHeader] = String(Math.max(1, Math.floor(limitMs)));
    const { method, path, body = null, signal, isRetry } = request;
    // A request that serves a retry is one, so that the tiers below do not multiply it either.
    const retries = attemptsBefore + (isRetry === true ? 1 : 0);
    if (retries > 0) headers[retryAttemptHeader] = String(retries);
    const sending = send(upstream.pool, { method, path, headers, body }, this.#maxBodyBytes);
    const cancelLimit = this.#clock.schedule(limitMs, () => {
      sending.cancel('timeout', new Error(`no whole answer within ${Math.round(limitMs)} ms`));
    });
    const abort = () => {
      sending.cancel('aborted', new Error('the caller gave up', { cause: signal?.reason }));
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await sending.result;
    } finally {
      cancelLimit();
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Waits before a retry; the caller's signal and `close` end it early. */
  #pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        this.#pauses.delete(end);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const cancel = this.#clock.schedule(delayMs, end);
      this.#pauses.add(end);
      signal?.addEventListener('abort', end, { once: true });
    });
  }

  #conclude(
    result: SendResult,
    { instance }: Upstream,
    attempts: readonly Attempt[],
  ): ServiceResponse {
    if (result.kind === 'answer') return new ServiceResponse({ ...result, instance, attempts });
    const { outcome, error: cause } = result;
    switch (outcome) {
      case 'aborted':
        throw this.#aborted(attempts, cause);
      case 'timeout':
        throw this.#tooLate(attempts, cause);
      case 'bad_response':
        throw this.#error('upstream_bad_response', 'its answer cannot be used', attempts, cause);
      case 'refused':
      case 'reset':
        throw this.#error('upstream_unavailable', 'no instance could be reached', attempts, cause);
    }
  }

  #nobody(attempts: readonly Attempt[]): UpstreamError {
    const { view } = this.watch;
    const failure = failureOf(view);
    const emptyBecause = view.state === 'known' ? view.emptyBecause : undefined;
    const message =
      this.#closing !== undefined
        ? 'this client is closed'
        : view.state === 'unknown'
          ? 'its instances are not known'
          : instancesOf(view).length === 0
            ? ((failure === undefined ? emptyBecause : undefined) ?? 'no instance is registered')
            : 'no other instance is left to ask';
    return this.#error('upstream_unavailable', message, attempts, failure);
  }

  #tooLate(attempts: readonly Attempt[], cause?: unknown): UpstreamError {
    return this.#error('upstream_timeout', 'no answer before the deadline', attempts, cause);
  }

  #aborted(attempts: readonly Attempt[], cause: unknown): UpstreamError {
    return this.#error('upstream_aborted', 'the caller gave up', attempts, cause);
  }

  #error(
    code: UpstreamErrorCode,
    message: string,
    attempts: readonly Attempt[],
    cause: unknown,
  ): UpstreamError {
    return new UpstreamError(code, message, { service: this.service, attempts, cause });
  }
}

function checkCount(name: string, count: number | undefined): void {
  if (count === undefined || (Number.isInteger(count) && count >= 1)) return;
  throw new RangeError(`'${name}' is a whole number from 1 on, and not ${String(count)}`);
}
