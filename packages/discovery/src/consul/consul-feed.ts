import { Backoff, type Clock, type Random, delay, TokenBucket } from '@movies/time';
import type { Instance } from '../instance';
import type { SnapshotSink } from '../adapter/snapshot-store';
import { toWatchFailure } from '../adapter/watch-failure';
import type { Feed } from '../adapter/watched-registry';
import { ConsulUnreachableError, type ConsulApi, type ConsulResponse } from './consul-api';
import { parseHealthEntries } from './health-entry';

const waitMs = 60_000;
/** An agent that has not heard from the servers for longer tells old news. */
const maxStaleMs = 10_000;
const refillMs = 15_000;

export interface ConsulFeedOptions {
  readonly api: ConsulApi;
  readonly service: string;
  readonly sink: SnapshotSink;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Follows one service by blocking queries, one at a time
 * (https://developer.hashicorp.com/consul/api-docs/features/blocking).
 */
export class ConsulFeed implements Feed {
  readonly #options: ConsulFeedOptions;
  readonly #stop = new AbortController();
  readonly #bucket: TokenBucket;
  readonly #backoff: Backoff;
  readonly #running: Promise<void>;
  /** `X-Consul-Index` of the last answer; 0 asks for the present set at once. */
  #index = 0;
  #failed = false;
  /** What Consul said last, and what was made of it. */
  #answer: readonly Instance[] = [];
  #published: readonly Instance[] = [];
  /** Known before an outage, and not seen since. */
  #missing = new Map<string, Instance>();
  #cancelRefill: () => void = () => undefined;

  constructor(options: ConsulFeedOptions) {
    const { clock, random } = options;
    this.#options = options;
    // Blocking queries may return at once for ever (hashicorp/consul#1244): the loop has a speed limit.
    this.#bucket = new TokenBucket({ burst: 2, perSecond: 1, clock });
    this.#backoff = new Backoff({ initialMs: 1000, maxMs: 60_000, random });
    this.#running = this.#run(this.#stop.signal);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#cancelRefill();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    // The watcher gets its handle before the first answer or failure.
    await Promise.resolve();
    while (!signal.aborted) await this.#turn(signal);
  }

  /** One query and what follows from its answer. Rejects never. */
  async #turn(signal: AbortSignal): Promise<void> {
    const { api, service, sink, clock } = this.#options;
    const { agent } = api;
    try {
      await this.#bucket.take(signal);
      const instances = await this.#query(signal);
      signal.throwIfAborted();
      this.#publish(instances);
      this.#backoff.reset();
    } catch (error: unknown) {
      if (signal.aborted) return;
      api.failOver(agent);
      // A restarted agent's index can be near the old one; a query with the old index then hangs.
      this.#index = 0;
      this.#failed = true;
      sink.fail(toWatchFailure(service, error), reasonOf(error));
      const unreachable = error instanceof ConsulUnreachableError;
      // Only the signal rejects a delay, and the loop reads the signal.
      await delay(this.#backoff.next(unreachable ? 5000 : undefined), clock, signal).catch(
        () => undefined,
      );
    }
  }

  async #query(signal: AbortSignal): Promise<Instance[]> {
    const { api, service, random } = this.#options;
    const wait = Math.round(waitMs * (1 - 0.1 * random()));
    const blocking = this.#index > 0 ? `&index=${this.#index}&wait=${wait}ms` : '';
    const response = await api.send({
      method: 'GET',
      path: `/v1/health/service/${encodeURIComponent(service)}?stale${blocking}`,
      // Consul adds up to a sixteenth of the wait, so that its answers spread.
      timeoutMs: blocking === '' ? 5000 : wait * (1 + 1 / 16) + 5000,
      signal,
    });
    if (response.status !== 200) throw new ConsulStatusError(response);
    if (isStale(response)) throw new ConsulStaleError();
    const index = Number(response.header('x-consul-index') ?? 0);
    const instances = parseHealthEntries(service, response.body);
    // An index that runs backwards means a new state of the servers: ask afresh.
    this.#index = index < this.#index ? 0 : Math.max(1, index);
    return instances;
  }

  /**
   * In the first seconds after an outage absence removes nothing: an agent that came back empty is
   * being filled again by the instances' beats, and refused connections eject those that are gone. An
   * instance that was seen again is taken at Consul's word from then on.
   */
  #publish(answer: readonly Instance[]): void {
    const { clock } = this.#options;
    this.#answer = answer;
    if (this.#failed) {
      this.#failed = false;
      this.#missing = new Map(this.#published.map((instance) => [instance.id, instance]));
      this.#cancelRefill();
      this.#cancelRefill = clock.schedule(refillMs, () => {
        // An outage that has begun meanwhile keeps the set, and its end starts the time anew.
        if (this.#failed) return;
        this.#missing.clear();
        this.#put(this.#answer);
      });
    }
    for (const { id } of answer) this.#missing.delete(id);
    this.#put([...answer, ...this.#missing.values()]);
  }

  #put(instances: readonly Instance[]): void {
    this.#published = instances;
    this.#options.sink.publish(instances);
  }
}

class ConsulStatusError extends Error {
  readonly status: number;

  constructor({ status, body }: ConsulResponse) {
    super(`Consul answered ${status} ${body.slice(0, 200).trim()}`);
    this.status = status;
  }
}

class ConsulStaleError extends Error {
  constructor() {
    // Without the exact time, which would make each of these failures a new one.
    super(`the Consul agent has no leader, or has not heard of it for ${maxStaleMs / 1000} s`);
  }
}

/**
 * The streaming backend, which answers blocking queries since Consul 1.10, says of itself neither how old
 * its data is nor that there is a leader (measured with 1.22): its word counts for nothing here.
 */
function isStale({ header }: ConsulResponse): boolean {
  if (header('x-consul-query-backend') === 'streaming') return false;
  const staleMs = Number(header('x-consul-lastcontact') ?? 0);
  return staleMs > maxStaleMs || header('x-consul-knownleader') === 'false';
}

function reasonOf(error: unknown): string {
  if (error instanceof ConsulUnreachableError) return error.reason;
  if (error instanceof ConsulStatusError) return `http_${error.status}`;
  return error instanceof ConsulStaleError ? 'stale' : 'bad_answer';
}
