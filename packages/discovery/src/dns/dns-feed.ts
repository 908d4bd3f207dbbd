import { Backoff, type Clock, type Random, delay, LimitedSignal } from '@movies/time';
import { sameInstance, type Instance } from '../instance';
import type { SnapshotSink } from '../adapter/snapshot-store';
import { toWatchFailure } from '../adapter/watch-failure';
import type { Feed } from '../adapter/watched-registry';
import { type DnsClient, DnsQueryError } from './dns-client';
import type { DnsAnswer, DnsLookup } from './dns-lookup';

const minTtlMs = 1000;
const maxTtlMs = 30_000;
/** A spread of 10 % keeps clients apart; more than this would show new instances late. */
const maxSpreadMs = 500;
/** No records, no TTL: what Kubernetes gives its records. */
const emptyTtlMs = 5000;
/** For one answer, with all the addresses of its targets. */
const answerLimitMs = 15_000;

export interface DnsFeedOptions {
  readonly client: DnsClient;
  readonly lookup: DnsLookup;
  readonly service: string;
  readonly sink: SnapshotSink;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Follows one service by asking again when the last answer has expired: after its TTL, taken between 1 s
 * and 30 s, and up to 10 % more, at most 0.5 s.
 */
export class DnsFeed implements Feed {
  readonly #options: DnsFeedOptions;
  readonly #stop = new AbortController();
  readonly #backoff: Backoff;
  readonly #running: Promise<void>;
  #published: readonly Instance[] | undefined;
  /** Empty answers in a row. A server that has just started may say that a name does not exist. */
  #empty = 0;

  constructor(options: DnsFeedOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ initialMs: 1000, maxMs: 30_000, random: options.random });
    this.#running = this.#run(this.#stop.signal);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    // The watcher gets its handle before the first answer or failure.
    await Promise.resolve();
    while (!signal.aborted) {
      const waitMs = await this.#turn(signal);
      // Only the signal rejects a delay, and the loop reads the signal.
      await delay(waitMs, this.#options.clock, signal).catch(() => undefined);
    }
  }

  /** One answer and what follows from it; resolves with the time until the next. Rejects never. */
  async #turn(signal: AbortSignal): Promise<number> {
    try {
      const answer = await this.#ask(signal);
      signal.throwIfAborted();
      return this.#take(answer);
    } catch (error: unknown) {
      if (signal.aborted) return 0;
      this.#empty = 0;
      return this.#fail(error);
    }
  }

  /** Bounded in time, and by the signal. */
  async #ask(signal: AbortSignal): Promise<DnsAnswer> {
    const { client, lookup, clock } = this.#options;
    using limited = new LimitedSignal(signal, answerLimitMs, clock);
    limited.signal.addEventListener('abort', () => {
      client.cancel();
    });
    return await lookup.resolve(limited.signal);
  }

  #take(answer: DnsAnswer): number {
    const { instances, ttlSeconds, failure, emptyBecause } = answer;
    if (instances.length === 0) {
      this.#empty += 1;
      // Once may be a mistake: the last set stays, and the question is put again.
      if (this.#empty === 1) return this.#spread(minTtlMs);
      this.#publish(instances, emptyBecause);
      return this.#spread(emptyTtlMs);
    }
    this.#empty = 0;
    const ttlMs = this.#spread(Math.min(Math.max(ttlSeconds * 1000, minTtlMs), maxTtlMs));
    if (failure === undefined) {
      this.#publish(instances);
      return ttlMs;
    }
    // A set that is the same would only end the failure and begin it anew.
    if (!sameSet(this.#published, instances)) this.#options.sink.publish(instances);
    this.#published = instances;
    return Math.min(ttlMs, this.#fail(failure));
  }

  #publish(instances: readonly Instance[], emptyBecause?: string): void {
    this.#backoff.reset();
    this.#published = instances;
    this.#options.sink.publish(instances, emptyBecause);
  }

  #fail(error: unknown): number {
    const { service, sink } = this.#options;
    sink.fail(
      toWatchFailure(service, error),
      error instanceof DnsQueryError ? error.reason : 'bad_answer',
    );
    return this.#backoff.next();
  }

  #spread(delayMs: number): number {
    return delayMs + this.#options.random() * Math.min(0.1 * delayMs, maxSpreadMs);
  }
}

function sameSet(before: readonly Instance[] | undefined, after: readonly Instance[]): boolean {
  return (
    before?.length === after.length &&
    after.every((instance, i) => {
      const old = before[i];
      return old !== undefined && sameInstance(old, instance);
    })
  );
}
