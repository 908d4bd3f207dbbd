import type { Clock } from '@movies/time';
import { SourceFailure } from '../adapter/source-failure';
import type { AddressRecord, DnsClient, Family } from './dns-client';

/** What is known of one family of one host. */
export interface HostFamily {
  readonly family: Family;
  /** What was answered last. */
  readonly records: readonly AddressRecord[];
  /** False: the last answer was that the name does not exist. */
  readonly exists: boolean;
  /** Why the last question was not answered. */
  readonly failure: SourceFailure | undefined;
  /** A question is under way. */
  readonly isAsking: boolean;
  /** It failed for so long that nothing waits for it, and its addresses are dropped. */
  readonly isGivenUp: boolean;
}

export interface HostAddressesOptions {
  readonly client: DnsClient;
  readonly families: readonly Family[];
  readonly clock: Clock;
  /** Called after each answer and failure. */
  readonly onChange: (family: HostFamily) => void;
}

/** At once: an answer may name hundreds of hosts, and a server drops what floods it. */
const concurrency = 16;
/** A family of a host is given up after so many questions in a row, while others are answered ... */
const maxMisses = 3;
/** ... and after so long, if it has addresses. */
const keptMs = 15_000;

/**
 * Addresses of hosts by name, each family separately: one that is silent delays no other. One that cannot be asked
 * keeps its last addresses for a while, so that a lost packet removes no instance.
 */
export class HostAddresses {
  readonly #options: HostAddressesOptions;
  readonly #hosts = new Map<string, readonly Asked[]>();
  readonly #slots: ReadonlyMap<Family, Slots>;
  #isConfirmed = false;

  constructor(options: HostAddressesOptions) {
    this.#options = options;
    // Apart, since questions that are not answered hold their slots for seconds.
    const each = concurrency / options.families.length;
    this.#slots = new Map(options.families.map((family) => [family, new Slots(each)]));
  }

  /** What is known of a host that was asked for. */
  of(name: string): readonly HostFamily[] {
    return this.#hosts.get(name) ?? [];
  }

  /**
   * Asks for each name, which has no dot at its end, and forgets every other. A question that is still under way is not
   * put again. Resolves when all are answered or have failed that are not given up; rejects never.
   */
  async ask(names: readonly string[], signal: AbortSignal): Promise<void> {
    const wanted = new Set(names);
    for (const name of this.#hosts.keys()) if (!wanted.has(name)) this.#hosts.delete(name);
    const { families, clock } = this.#options;
    const awaited: Promise<void>[] = [];
    for (const name of wanted) {
      const host = this.#hosts.get(name) ?? families.map((family) => new Asked(family, clock));
      this.#hosts.set(name, host);
      for (const asked of host) {
        const { isGivenUp } = asked;
        asked.asking ??= this.#ask(name, asked, signal);
        if (!isGivenUp) awaited.push(asked.asking);
      }
    }
    await Promise.all(awaited);
  }

  /** Some addresses are confirmed: from now on a question that fails counts against what was asked for. */
  confirmed(): void {
    this.#isConfirmed = true;
  }

  /** Nothing was answered: the failures of this turn do not count, and those that counted before still do. */
  forgive(): void {
    this.#isConfirmed = false;
    if (this.#isAnyAnswered()) return;
    for (const asked of [...this.#hosts.values()].flat()) asked.isGivenUp = false;
  }

  /** Whether a failure counts: where nothing else is answered, it says nothing against this one. */
  #counts({ records }: HostFamily): boolean {
    return this.#isConfirmed || (records.length === 0 && this.#isAnyAnswered());
  }

  #isAnyAnswered(): boolean {
    const all = [...this.#hosts.values()].flat();
    return all.some(({ failure, isAsking }) => failure === undefined && !isAsking);
  }

  async #ask(name: string, asked: Asked, signal: AbortSignal): Promise<void> {
    const { client, onChange } = this.#options;
    await this.#slots.get(asked.family)?.take();
    try {
      // Meanwhile it may be forgotten.
      if (this.#hosts.get(name)?.includes(asked) !== true) return;
      asked.answer(await client.addresses(`${name}.`, asked.family, signal));
    } catch (error: unknown) {
      asked.fail(SourceFailure.of(error), this.#counts(asked));
    } finally {
      this.#slots.get(asked.family)?.give();
      asked.asking = undefined;
    }
    onChange(asked);
  }
}

class Asked implements HostFamily {
  readonly family: Family;
  readonly #clock: Clock;
  records: readonly AddressRecord[] = [];
  exists = true;
  failure: SourceFailure | undefined;
  isGivenUp = false;
  asking: Promise<void> | undefined;
  /** Questions that failed since the last answer, while others were answered. */
  #misses = 0;
  #missedSince: number | undefined;

  constructor(family: Family, clock: Clock) {
    this.family = family;
    this.#clock = clock;
  }

  get isAsking(): boolean {
    return this.asking !== undefined;
  }

  answer({ records, exists }: Pick<HostFamily, 'records' | 'exists'>): void {
    this.records = records;
    this.exists = exists;
    this.failure = undefined;
    this.#misses = 0;
    this.#missedSince = undefined;
    this.isGivenUp = false;
  }

  fail(failure: SourceFailure, counts: boolean): void {
    this.failure = failure;
    if (!counts) return;
    this.#missedSince ??= this.#clock.now();
    this.#misses += 1;
    if (this.#misses < maxMisses) return;
    const missedMs = this.#clock.now() - this.#missedSince;
    if (this.records.length > 0 && missedMs < keptMs) return;
    this.isGivenUp = true;
    this.records = [];
  }
}

/** So many at once; the rest waits in order. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(free: number) {
    this.#free = free;
  }

  async take(): Promise<void> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free -= 1;
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
