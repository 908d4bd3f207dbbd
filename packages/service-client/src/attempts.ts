import { Backoff, delay, type Clock, type Random } from '@movies/time';
import type { Instance } from '@movies/discovery';
import { parseRetryAfter } from '@movies/discovery/adapter';
import type { Dispatcher } from 'undici';
import { describeAttempt, type Attempt, type AttemptOutcome } from './attempt';
import { firstHeader, isBetterOutcome, retryAfter, type ResponseClassifier } from './classify';
import type { ClientEvents } from './client-events';
import type { Deadline } from './deadline';
import type { Exchange, ExchangeResult } from './exchange';
import type { Host } from './host';
import type { HostSet } from './host-set';
import type { RetryBudget } from './retry/budget';
import { payRetry } from './retry/pay-retry';
import type { RetryThrottle, RetryThrottles } from './retry/throttle';
import { afterReading, scheduleLimit } from './standstill';

/** What decides about attempts; one for all requests of a client. */
export interface AttemptPolicies {
  readonly hosts: HostSet;
  readonly budget: RetryBudget;
  readonly throttles: RetryThrottles;
  readonly classify: ResponseClassifier;
  /** How long to wait for attempts under way before another host is asked beside them, of `remainingMs`. */
  readonly patienceMs: (remainingMs: number) => number;
  readonly maxAttempts: number;
  readonly onAttempt: (attempt: Attempt) => void;
  readonly events: ClientEvents;
  /** Aborts when the client closes: it ends pauses, and no attempt. */
  readonly closing: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
}

/** One request, as far as attempts need to know it. */
export interface AttemptRequest<Body> {
  readonly deadline: Deadline;
  readonly signal?: AbortSignal | undefined;
  /** Sending it twice does no harm. */
  readonly isRepeatable: boolean;
  readonly open: () => Exchange<Body>;
  /** What to send; called when there is a connection, with the attempts before and the milliseconds left. */
  readonly options: (attemptsBefore: number, remainingMs: number) => Dispatcher.DispatchOptions;
}

/** An attempt that ended. */
export interface AttemptsEnd<Body> {
  readonly host: Host;
  readonly exchange: Pick<Exchange, 'cancel'>;
  readonly outcome: AttemptOutcome;
  readonly result: ExchangeResult<Body>;
  /** Its place among the attempts of the request, 0 for the first one. */
  readonly index: number;
  /** Where the attempt took a token; absent for the first one. */
  readonly throttle: RetryThrottle | undefined;
}

/**
 * What became of a request: the best end of its attempts; absent if none was made. `why` is absent where the attempts
 * tell the whole story.
 */
export interface AttemptsResult<Body> {
  readonly attempts: readonly Attempt[];
  readonly end?: AttemptsEnd<Body> | undefined;
  readonly why?: 'deadline' | 'aborted' | 'no_host' | 'queues_full' | undefined;
}

/**
 * The attempts of one request: pick a host, send, wait. When the wait gets long a second host is asked beside the first;
 * when an attempt fails another host is asked after it. Each takes a retry out of the budget, and goes on only where retries
 * help. The best end wins.
 */
export class Attempts<Body> {
  readonly #request: AttemptRequest<Body>;
  readonly #policies: AttemptPolicies;
  /** In the order in which they began; absent while under way. */
  readonly #attempts: (Attempt | undefined)[] = [];
  readonly #tried: Host[] = [];
  readonly #running = new Set<Exchange<Body>>();
  readonly #ended: AttemptsEnd<Body>[] = [];
  #best: AttemptsEnd<Body> | undefined;
  #isRefused = false;
  /** Of the next attempt. */
  #throttle: RetryThrottle | undefined;
  #isTooLate = false;
  #fault: { readonly error: Error } | undefined;
  #wake: () => void = () => undefined;

  constructor(request: AttemptRequest<Body>, policies: AttemptPolicies) {
    this.#request = request;
    this.#policies = policies;
  }

  /** Rejects only for a request that no server could be sent. */
  async run(): Promise<AttemptsResult<Body>> {
    const { deadline, signal } = this.#request;
    const cancelLimit = scheduleLimit(
      this.#policies.clock,
      deadline.remainingMs(),
      (stoodStill) => {
        this.#isTooLate = true;
        // What this process was late to read is not held against a host.
        this.#giveUp(stoodStill ? 'local' : 'timeout', 'no response before the deadline');
      },
    );
    const abort = () => {
      this.#giveUp('aborted', 'the caller gave up', signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    let why: AttemptsResult<Body>['why'];
    let end: AttemptsEnd<Body> | undefined;
    try {
      why = await this.#loop();
      if (this.#isTooLate) why ??= 'deadline';
      if (why !== 'aborted') end = this.#best;
      if (end?.outcome === 'ok') end.throttle?.giveBack();
    } finally {
      cancelLimit();
      signal?.removeEventListener('abort', abort);
      this.#giveUp('outrun', 'another attempt was answered first');
      for (const other of [...this.#ended, this.#best]) if (other !== end) drop(other);
    }
    const attempts = this.#attempts.filter((attempt) => attempt !== undefined);
    return { attempts, end, why };
  }

  get #isUnderWay(): boolean {
    return this.#running.size > 0 || this.#ended.length > 0;
  }

  /** Whether the deadline has passed. A timer may fire a little early: what it says counts too, for it fires once. */
  get #isOver(): boolean {
    return this.#isTooLate || this.#request.deadline.remainingMs() <= 0;
  }

  /** Whether there are an attempt, a host and time for one more. */
  get #isAnotherLeft(): boolean {
    const { hosts, maxAttempts } = this.#policies;
    return this.#attempts.length < maxAttempts && !this.#isOver && hosts.hasOther(this.#tried);
  }

  async #loop(): Promise<AttemptsResult<Body>['why']> {
    const { deadline, signal } = this.#request;
    let backoff: Backoff | undefined;
    for (let ask = true; ;) {
      if (signal?.aborted === true) return 'aborted';
      // What is under way has its own limit, which reads what came in time.
      if (!this.#isUnderWay && this.#isOver) return 'deadline';
      // With another one under way, none to ask is no end.
      const why = ask ? this.#ask() : undefined;
      if (why !== undefined && !this.#isUnderWay) return why;
      const end = await this.#next();
      if (end !== 'late') {
        this.#keepBest(end);
        if (end.outcome === 'ok') return undefined;
        // Another one may still have a better end.
        if (this.#isUnderWay) {
          ask = false;
          continue;
        }
        if (retryAfter(end.outcome) === 'never') return undefined;
      }
      ask = this.#mayAskAnother(end);
      if (end === 'late') continue;
      if (!ask) return undefined;
      backoff ??= new Backoff({ initialMs: 25, maxMs: 250, random: this.#policies.random });
      await this.#pause(backoff.next(Math.max(0, deadline.remainingMs())));
    }
  }

  /** Sends one attempt, to a host that was not asked yet; tells why if there is none. */
  #ask(): AttemptsResult<Body>['why'] {
    const { hosts } = this.#policies;
    let why: AttemptsResult<Body>['why'] = 'no_host';
    for (let host = hosts.pick(this.#tried); host !== undefined; host = hosts.pick(this.#tried)) {
      this.#tried.push(host);
      if (!host.isFull) {
        this.#begin(host);
        return undefined;
      }
      why = 'queues_full';
    }
    return why;
  }

  /** Whether another host may be asked, after an attempt that ended or beside those that are late. */
  #mayAskAnother(after: AttemptsEnd<Body> | 'late'): boolean {
    const { hosts, budget, throttles } = this.#policies;
    if (after !== 'late' && isBrokenConnection(after) && !hosts.hasOther(this.#tried)) {
      this.#tried.splice(this.#tried.indexOf(after.host), 1);
    }
    const isSafe = this.#request.isRepeatable || (after !== 'late' && wasNotSent(after));
    if (!isSafe || !this.#isAnotherLeft) return false;
    const kind = after === 'late' ? 'hedge' : 'retry';
    this.#throttle = throttles[kind];
    const isPaid = payRetry(budget, this.#throttle);
    const { instance } = after === 'late' ? (this.#tried.at(-1) ?? {}) : after.host;
    if (isPaid) this.#note(kind, instance, after);
    else if (!this.#isRefused) this.#note('no_budget', instance, after);
    this.#isRefused = !isPaid;
    return isPaid;
  }

  #begin(host: Host): void {
    const { hosts, clock } = this.#policies;
    const { open, options, deadline } = this.#request;
    const exchange = open();
    const startedAt = clock.now();
    const before = this.#attempts.length;
    const throttle = this.#throttle;
    const { typicalMs } = hosts;
    this.#attempts.length += 1;
    this.#running.add(exchange);
    exchange.ended = (result) => {
      const end = {
        host,
        exchange,
        outcome: this.#outcomeOf(result),
        result,
        index: before,
        throttle,
      };
      const attempt = attemptOf(end, clock.now() - startedAt);
      this.#attempts[before] = attempt;
      this.#running.delete(exchange);
      this.#ended.push(end);
      this.#policies.onAttempt(attempt);
      this.#learn(end, attempt, exchange, typicalMs);
      this.#wake();
    };
    exchange.brokeOff = (error) => {
      const what = `the response broke off: ${error.message}`;
      hosts.finish(host, { outcome: 'reset', durationMs: 0, pauseMs: 0, what, wasGood: true });
    };
    exchange.unreachable = (error) => {
      const what = `no connection, after the request was given up: ${error.message}`;
      hosts.finish(host, { outcome: 'refused', durationMs: 0, pauseMs: 0, what });
    };
    exchange.refuse = (error) => {
      this.#running.delete(exchange);
      this.#fault = { error };
      this.#wake();
    };
    hosts.begin(host);
    host.send(exchange, () => options(before, deadline.remainingMs()));
  }

  /** Hands on what the host did; `typicalMs`: what responses took when the attempt began. */
  #learn(
    end: AttemptsEnd<Body>,
    attempt: Attempt,
    exchange: Exchange<Body>,
    typicalMs: number,
  ): void {
    const { hosts } = this.#policies;
    const { host, outcome, index } = end;
    const { durationMs } = exchange;
    const pauseMs = this.#pauseMs(end);
    const what = outcome === 'ok' ? '' : describeAttempt(attempt);
    const finish = (judged: AttemptOutcome) => {
      hosts.finish(host, { outcome: judged, durationMs, typicalMs, pauseMs, what });
    };
    // The caller's timer may have fired after a standstill: then the response is there, and unread.
    if (outcome === 'aborted') {
      afterReading(() => {
        finish(exchange.isOver ? 'local' : outcome);
      });
      return;
    }
    // One that began after the one that was answered first had less time.
    const isUnfair = outcome === 'outrun' && index > (this.#best?.index ?? 0);
    finish(isUnfair ? 'local' : outcome);
  }

  /** How long an overloaded host asks to be spared, but no longer than this request could have waited. */
  #pauseMs({ outcome, result }: AttemptsEnd<Body>): number {
    if (outcome !== 'overloaded' || result.kind === 'failure') return 0;
    const header = firstHeader(result.headers, 'retry-after');
    const asked = parseRetryAfter(header, this.#policies.clock.now());
    return Math.min(asked ?? 0, Math.max(0, this.#request.deadline.remainingMs()));
  }

  #outcomeOf(result: ExchangeResult<Body>): AttemptOutcome {
    return result.kind === 'failure' ? result.outcome : this.#policies.classify(result);
  }

  #keepBest(end: AttemptsEnd<Body>): void {
    // Of two that are as good the later one: it is newer.
    const isKept = this.#best === undefined || !isBetterOutcome(this.#best.outcome, end.outcome);
    drop(isKept ? this.#best : end);
    if (isKept) this.#best = end;
  }

  /** The next end of an attempt; `late` when it is time to ask another host beside those under way. */
  async #next(): Promise<AttemptsEnd<Body> | 'late'> {
    const { clock } = this.#policies;
    const { isRepeatable } = this.#request;
    if (this.#ended.length === 0 && this.#fault === undefined) {
      const mayAsk = isRepeatable && this.#isAnotherLeft;
      await new Promise<void>((resolve) => {
        const cancel = mayAsk
          ? scheduleLimit(clock, this.#patienceMs(), () => {
              resolve();
            })
          : undefined;
        this.#wake = () => {
          cancel?.();
          resolve();
        };
      });
    }
    if (this.#fault !== undefined) throw this.#fault.error;
    return this.#ended.shift() ?? 'late';
  }

  /** After a refusal at least half of what is left: a short patience would ask again and again. */
  #patienceMs(): number {
    const remainingMs = this.#request.deadline.remainingMs();
    const patienceMs = this.#policies.patienceMs(remainingMs);
    return this.#isRefused ? Math.max(patienceMs, remainingMs / 2) : patienceMs;
  }

  /** Waits before a retry; the caller's signal and the end of the client end it early. */
  async #pause(delayMs: number): Promise<void> {
    const { clock, closing } = this.#policies;
    const { signal } = this.#request;
    const ended = signal === undefined ? closing : AbortSignal.any([signal, closing]);
    await delay(delayMs, clock, ended).catch((error: unknown) => {
      if (!ended.aborted) throw error;
    });
  }

  #giveUp(outcome: 'timeout' | 'local' | 'aborted' | 'outrun', why: string, cause?: unknown): void {
    for (const exchange of [...this.#running]) {
      exchange.cancel(outcome, new Error(why, cause === undefined ? undefined : { cause }));
    }
  }

  #note(
    kind: 'hedge' | 'retry' | 'no_budget',
    instance: Instance | undefined,
    after: AttemptsEnd<Body> | 'late',
  ): void {
    const cause = after === 'late' ? after : after.outcome;
    this.#policies.events.note({ kind, instance: instance?.id ?? '', cause });
  }
}

function attemptOf({ host, outcome, result }: AttemptsEnd<unknown>, durationMs: number): Attempt {
  const { instance } = host;
  return result.kind === 'failure'
    ? { instance, outcome, durationMs, error: result.error }
    : { instance, outcome, durationMs, status: result.status };
}

/** What may still come of a response that is not the one handed on is dropped; its connection lives on if it can. */
function drop(end: AttemptsEnd<unknown> | undefined): void {
  end?.exchange.cancel('outrun', new Error('another response was handed on'));
}

function wasNotSent({ result }: AttemptsEnd<unknown>): boolean {
  return result.kind === 'failure' && !result.sent;
}

/** A kept connection that the server closed as the request left says nothing against asking it again. */
function isBrokenConnection({ outcome, result }: AttemptsEnd<unknown>): boolean {
  return result.kind === 'failure' && outcome === 'reset' && !result.answering;
}
