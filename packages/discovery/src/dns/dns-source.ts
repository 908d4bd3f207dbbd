import type { Clock, Random } from '@movies/time';
import type { Sink, Source } from '../adapter/source';
import { SourceFailure } from '../adapter/source-failure';
import type { DnsClient, Family } from './dns-client';
import type { DnsQuestion, Served } from './dns-question';
import { HostAddresses, type HostFamily } from './host-addresses';
import { readServiceSet, type ServiceSet } from './service-set';

const minTtlMs = 1000;
const maxTtlMs = 30_000;
/** A spread of 10 % keeps clients apart; more than this would show new instances late. */
const maxSpreadMs = 500;
/** No records, no TTL: what Kubernetes gives its records. */
const emptyTtlMs = 5000;
/** What is answered is told when nothing came for so long, whatever is still to come (RFC 8305, section 3) ... */
const resolutionDelayMs = 50;
/** ... and so long after the first address at the latest: hundreds of hosts may answer one after the other. */
const maxResolutionDelayMs = 500;
/** For the addresses of one turn: hundreds of hosts that are all silent would take minutes. */
const turnLimitMs = 15_000;
/** A set of which a part could not be asked is asked again no later. */
const partialTtlMs = 5000;
/** After so long an empty answer counts, whatever failed meanwhile, and also of another server than the one that gave the set. */
const emptyForMs = 15_000;

type KnownSet = Extract<ServiceSet, { state: 'known' }>;

export interface DnsSourceOptions {
  readonly client: DnsClient;
  readonly question: DnsQuestion;
  readonly families: readonly Family[];
  readonly service: string;
  readonly sink: Sink;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Follows one service by asking again when the last answer has expired: after its TTL, taken between 1 s and 30 s, and
 * up to 10 % more, at most 0.5 s. A turn is one resolution. It tells what is known when nothing came for 50 ms, and
 * again with each answer that comes later; what is not answered when the TTL is over does not hold up the next turn.
 */
export class DnsSource implements Source {
  readonly #options: DnsSourceOptions;
  readonly #addresses: HostAddresses;
  /** Of the last turn; absent while it is not known, so that a late answer tells nothing. */
  #hosts: readonly Served[] | undefined;
  /** When the set was told first in this turn. */
  #toldAt: number | undefined;
  /** When the last response of this turn came: only that confirms the set. */
  #confirmedAt: number | undefined;
  #endTurn: () => void = () => undefined;
  #cancelExpiry: () => void = () => undefined;
  /** When the first answer came that is still to be told. */
  #heardAt: number | undefined;
  #cancelEarly: () => void = () => undefined;
  #hasInstances = false;
  /** Empty answers in a row. A server that has just started may say that a name does not exist. */
  #empties = 0;
  /** Since the set was told last, whatever failed meanwhile. */
  #emptySince: number | undefined;

  constructor(options: DnsSourceOptions) {
    this.#options = options;
    const { client, families, clock } = options;
    this.#addresses = new HostAddresses({
      client,
      families,
      clock,
      onChange: (family) => {
        this.#heard(family);
      },
    });
  }

  async turn(signal: AbortSignal): Promise<number> {
    const { client, question } = this.#options;
    this.#toldAt = undefined;
    this.#confirmedAt = undefined;
    this.#cancelExpiry();
    let isAsked = false;
    try {
      client.refresh();
      const hosts = await question.hosts(signal);
      this.#hosts = hosts;
      isAsked = true;
      await this.#ask(hosts, signal);
      signal.throwIfAborted();
      return await this.#conclude(hosts, signal);
    } catch (error: unknown) {
      this.#hosts = undefined;
      this.#empties = 0;
      if (isAsked) this.#addresses.forgive();
      throw error;
    }
  }

  close(): void {
    this.#hosts = undefined;
    this.#cancelEarly();
    this.#cancelExpiry();
    this.#options.client.cancel();
  }

  /** Resolves when all addresses are answered, or need not be waited for. */
  async #ask(hosts: readonly Served[], signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const over = new Promise<void>((resolve) => {
      this.#endTurn = resolve;
    });
    const cancelLimit = clock.schedule(turnLimitMs, this.#endTurn);
    const names = hosts.map(({ name }) => name).filter((name) => name !== '');
    await Promise.race([this.#addresses.ask(names, signal), over]);
    cancelLimit();
    this.#cancelExpiry();
    this.#cancelEarly();
  }

  async #conclude(hosts: readonly Served[], signal: AbortSignal): Promise<number> {
    const { clock } = this.#options;
    const set = this.#read(hosts);
    // Where the TTL ended the turn, nothing has confirmed the set since it was told.
    const isNews = this.#toldAt === undefined || this.#heardAt !== undefined;
    this.#heardAt = undefined;
    switch (set.state) {
      case 'known': {
        // What was answered in former turns says nothing of this one.
        if (this.#confirmedAt === undefined) throw this.#notInTime();
        const now = clock.now();
        this.#toldAt ??= now;
        if (isNews) this.#tell(set);
        return Math.max(0, this.#toldAt + this.#ttlMs(set) - now);
      }
      case 'empty':
        return await this.#concludeEmpty(hosts, set.note, signal);
      case 'failed':
        throw set.failure;
      case 'undecided':
        throw this.#notInTime();
    }
  }

  #notInTime(): SourceFailure {
    const { text } = this.#options.question;
    return new SourceFailure('silent', `the addresses of ${text}: no answer in time`, {
      reason: 'timeout',
    });
  }

  async #concludeEmpty(
    hosts: readonly Served[],
    note: string | undefined,
    signal: AbortSignal,
  ): Promise<number> {
    const { client, question, sink, clock } = this.#options;
    this.#emptySince ??= clock.now();
    this.#empties += 1;
    // The server that gave the set fails: the one in its place may not know the zone.
    const isElsewhere = this.#hasInstances && client.trouble !== undefined;
    const isSure =
      (this.#empties > 1 && !isElsewhere) || clock.now() - this.#emptySince >= emptyForMs;
    if (!isSure) return this.#spread(minTtlMs);
    const emptyBecause = await question.whyEmpty(hosts, signal);
    signal.throwIfAborted();
    this.#hasInstances = false;
    sink.publish([], { emptyBecause, note: note ?? client.trouble });
    return this.#spread(emptyTtlMs);
  }

  /** Tells soon what is known, if there is something to tell. */
  #heard({ family, records, exists, failure }: HostFamily): void {
    if (this.#hosts === undefined) return;
    const { clock } = this.#options;
    if (failure === undefined) this.#confirmedAt = clock.now();
    const brings = failure === undefined && (records.length > 0 || (family === 4 && !exists));
    if (brings || this.#toldAt !== undefined) this.#heardAt ??= clock.now();
    if (this.#heardAt === undefined) return;
    const leftMs = Math.max(0, this.#heardAt + maxResolutionDelayMs - clock.now());
    this.#cancelEarly();
    this.#cancelEarly = clock.schedule(Math.min(resolutionDelayMs, leftMs), () => {
      this.#heardAt = undefined;
      this.#tellEarly();
    });
  }

  #tellEarly(): void {
    if (this.#hosts === undefined) return;
    const set = this.#read(this.#hosts);
    if (set.state === 'empty') this.#endTurn();
    if (set.state !== 'known') return;
    this.#tell(set);
    if (this.#toldAt !== undefined) return;
    const { clock } = this.#options;
    this.#toldAt = clock.now();
    this.#cancelExpiry = clock.schedule(this.#ttlMs(set), () => {
      this.#endTurn();
    });
  }

  #tell({ instances, note }: KnownSet): void {
    const { sink, client } = this.#options;
    this.#hasInstances = true;
    this.#empties = 0;
    this.#emptySince = undefined;
    this.#addresses.confirmed();
    sink.publish(instances, {
      note: note ?? client.trouble,
      confirmedAt: this.#confirmedAt,
    });
  }

  #read(hosts: readonly Served[]): ServiceSet {
    const { service, question } = this.#options;
    return readServiceSet(service, question.text, hosts, (name) => this.#addresses.of(name));
  }

  #ttlMs({ ttlSeconds, isPartial }: KnownSet): number {
    const longestMs = isPartial ? partialTtlMs : maxTtlMs;
    return this.#spread(Math.min(Math.max(ttlSeconds * 1000, minTtlMs), longestMs));
  }

  #spread(delayMs: number): number {
    return delayMs + this.#options.random() * Math.min(0.1 * delayMs, maxSpreadMs);
  }
}
