import {
  failureOf,
  instancesOf,
  type Instance,
  type ServiceWatch,
  type View,
} from '@movies/discovery';
import type { Dispatcher } from 'undici';
import type { Attempt } from './attempt';
import { Attempts, type AttemptPolicies, type AttemptsResult } from './attempts';
import { ClientEvents } from './client-events';
import type { ClientSettings } from './client-options';
import { Deadline, retryAttemptHeader, timeoutHeader } from './deadline';
import type { Exchange, ExchangeResult } from './exchange';
import { explainHost, type ClientExplanation } from './explain';
import { OutlierDetection } from './health/outlier-detection';
import { HostSet } from './host-set';
import { RetryBudget } from './retry/budget';
import { openThrottles } from './retry/throttle';
import { patienceMs } from './retry/patience';
import { isRepeatable, type Repeatability } from './retry/repeatable';
import { UpstreamError, type UpstreamErrorCode } from './upstream-error';

/** One request to a service, whatever becomes of its body. */
export interface CallRequest extends Repeatability {
  /** When a response is of no use any more; the client's `deadlineMs` from now by default. */
  readonly deadline?: Deadline | undefined;
  /** Aborting it abandons the request and what is under way of it. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the body can be sent twice; a stream cannot. */
  readonly isReplayable: boolean;
}

/** A response, the instance that gave it, and every attempt in the order in which they began. */
export interface CallResponse<Body> {
  readonly response: Extract<ExchangeResult<Body>, { kind: 'response' }>;
  readonly instance: Instance;
  readonly attempts: readonly Attempt[];
}

const maxPortsNamed = 5;

/**
 * Calls one service, wherever its instances are now: follows the watched set, makes the attempts, and says why there is
 * no response. What becomes of bodies is left to its users.
 */
export class Caller {
  readonly watch: ServiceWatch;
  readonly #settings: ClientSettings;
  readonly #port: number | undefined;
  readonly #hosts: HostSet;
  readonly #policies: AttemptPolicies;
  readonly #events: ClientEvents;
  readonly #closed = new AbortController();
  #closing: Promise<void> | undefined;

  /** Closes `watch` with itself. With a `port`, instances at other ports are no instances. */
  constructor(watch: ServiceWatch, settings: ClientSettings, port?: number) {
    const { service } = watch;
    const { clock, random, classify, maxAttempts, onAttempt } = settings;
    const events = new ClientEvents(service, () => clock.now());
    const outliers = new OutlierDetection(settings.ejection, settings.deadlineMs / 2, random);
    const hosts = new HostSet({ ...settings, outliers, note: events.note });
    this.#settings = settings;
    this.#port = port;
    this.#events = events;
    this.#hosts = hosts;
    this.#policies = {
      hosts,
      budget: new RetryBudget({ ...settings.retryBudget, clock }),
      throttles: openThrottles({ ...settings.retryThrottle, clock }),
      classify,
      patienceMs: (remainingMs) => patienceMs(settings.patience, remainingMs, outliers.latencies),
      maxAttempts,
      onAttempt,
      events,
      closing: this.#closed.signal,
      clock,
      random,
    };
    this.watch = watch;
    this.#follow(this.watch.view);
    this.watch.subscribe((view) => {
      this.#follow(view);
    });
  }

  /** Whether `close` was called. */
  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Instances in use that are ejected now. */
  get ejected(): number {
    return this.#hosts.ejected;
  }

  /**
   * Makes the attempts of one request. `open` makes what receives a response, and `send` what is sent, with the headers
   * of the attempt added to those of the request. Rejects with `UpstreamError`, or with undici's error for a request
   * that no server could be sent.
   */
  async call<Body>(
    request: CallRequest,
    open: () => Exchange<Body>,
    send: (headers: Record<string, string>) => Dispatcher.DispatchOptions,
  ): Promise<CallResponse<Body>> {
    const { deadlineMs, clock } = this.#settings;
    const { signal, deadline = Deadline.after(deadlineMs, clock) } = request;
    if (this.watch.view.state === 'unknown') await this.#synced(deadline, signal);
    this.#policies.budget.deposit();
    // A request that serves a retry is one, so that the tiers below do not multiply it either.
    const retriesBefore = request.isRetry === true ? 1 : 0;
    const attempts = new Attempts(
      {
        deadline,
        signal,
        isRepeatable: request.isReplayable && isRepeatable(request),
        open,
        options: (attemptsBefore, remainingMs) => {
          const retries = attemptsBefore + retriesBefore;
          return send({
            ...(remainingMs !== Infinity && {
              [timeoutHeader]: String(Math.max(1, Math.floor(remainingMs))),
            }),
            ...(retries === 0 ? {} : { [retryAttemptHeader]: String(retries) }),
          });
        },
      },
      this.#policies,
    );
    return this.#conclude(await attempts.run(), signal);
  }

  /** What is known at this moment, and the last 200 events. */
  explain(): ClientExplanation {
    const { clock, balancer } = this.#settings;
    const now = clock.now();
    return {
      service: this.watch.service,
      view: this.watch.view.state,
      hosts: this.#hosts.hosts.map((host) => explainHost(host, balancer, now)),
      events: this.#events.all,
    };
  }

  /** Takes no new requests, lets those under way finish for at most `limitMs`, and frees everything. */
  close(limitMs: number): Promise<void> {
    this.#closing ??= this.#end(limitMs);
    return this.#closing;
  }

  async #end(limitMs: number): Promise<void> {
    // From here on the watch is silent: nothing is added to the set again.
    const watch = this.watch.close();
    const hosts = this.#hosts.close(limitMs);
    this.#closed.abort();
    await Promise.all([watch, hosts]);
  }

  #follow(view: View): void {
    // A set that is not known any more is not called any more; one that is closed drains by `close`.
    if (view.state !== 'closed') this.#hosts.update(this.#atPort(view));
  }

  #atPort(view: View): readonly Instance[] {
    const instances = instancesOf(view);
    const port = this.#port;
    return port === undefined ? instances : instances.filter((instance) => instance.port === port);
  }

  /** Waits for the first set, and not for a registry to heal. */
  async #synced(deadline: Deadline, signal: AbortSignal | undefined): Promise<void> {
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

  #conclude<Body>(
    { attempts, end, why }: AttemptsResult<Body>,
    signal: AbortSignal | undefined,
  ): CallResponse<Body> {
    if (why === 'aborted') throw this.#aborted(attempts, signal?.reason);
    if (end?.result.kind === 'response') {
      return { response: end.result, instance: end.host.instance, attempts };
    }
    const cause = end?.result.error;
    if (why === 'deadline') throw this.#tooLate(attempts, cause);
    if (end === undefined || this.#closing !== undefined) throw this.#noHost(attempts, why);
    switch (end.outcome) {
      case 'aborted':
        throw this.#aborted(attempts, cause);
      case 'timeout':
        throw this.#tooLate(attempts, cause);
      case 'bad_response':
      case 'too_large':
        throw this.#error('upstream_bad_response', 'its response cannot be used', attempts, cause);
      case 'local':
        throw this.#error('upstream_unavailable', 'this process cannot call it', attempts, cause);
      default:
        throw this.#error('upstream_unavailable', 'no instance could be reached', attempts, cause);
    }
  }

  #noHost(attempts: readonly Attempt[], why: AttemptsResult<unknown>['why']): UpstreamError {
    const { view } = this.watch;
    if (why === 'queues_full') {
      const { maxQueued } = this.#settings;
      const message = `the queue of each of its instances is full (maxQueued: ${maxQueued})`;
      return this.#error('upstream_overloaded', message, attempts);
    }
    const failure = failureOf(view);
    const emptyBecause = view.state === 'known' ? view.emptyBecause : undefined;
    const message =
      this.#closing !== undefined
        ? 'this client is closed'
        : view.state === 'unknown'
          ? 'its instances are not known'
          : ((failure === undefined ? emptyBecause : undefined) ?? this.#whyNone(view));
    return this.#error('upstream_unavailable', message, attempts, failure);
  }

  #whyNone(view: View): string {
    const ports = new Set(instancesOf(view).map(({ port }) => port));
    if (ports.size === 0) return 'no instance is registered';
    const known = [...ports].sort((a, b) => a - b).slice(0, maxPortsNamed);
    return `no instance is registered at port ${String(this.#port)}, but at ${known.join(', ')}`;
  }

  #tooLate(attempts: readonly Attempt[], cause: unknown): UpstreamError {
    return this.#error('upstream_timeout', 'no response before the deadline', attempts, cause);
  }

  #aborted(attempts: readonly Attempt[], cause: unknown): UpstreamError {
    return this.#error('upstream_aborted', 'the caller gave up', attempts, cause);
  }

  #error(
    code: UpstreamErrorCode,
    message: string,
    attempts: readonly Attempt[],
    cause?: unknown,
  ): UpstreamError {
    return new UpstreamError(code, message, { service: this.watch.service, attempts, cause });
  }
}
