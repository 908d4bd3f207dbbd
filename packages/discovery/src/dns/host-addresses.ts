import { type AddressRecord, type DnsClient, DnsQueryError, type Family } from './dns-client';

/** What is known of one host name. */
export interface Host {
  readonly name: string;
  /** Of both families. Empty without a failure: it has none for sure. */
  readonly addresses: readonly string[];
  /** Of the record that expires first; infinite without one. */
  readonly ttlSeconds: number;
  /** A family could not be asked; its addresses are those that it had before. */
  readonly failure: DnsQueryError | undefined;
  /** At least one family was answered for. */
  readonly answered: boolean;
}

interface FamilyAnswer {
  readonly records: readonly AddressRecord[];
  readonly failure?: DnsQueryError;
}

/** Hosts asked for at once: an answer may name hundreds, and a server drops what floods it. */
const concurrency = 16;

/**
 * Addresses of hosts by name. A family that cannot be asked keeps what it had, so that a lost packet loses
 * no instance; one that has no record for sure has none.
 */
export class HostAddresses {
  readonly #client: DnsClient;
  /** By family and name: what was answered last. */
  #known = new Map<string, readonly AddressRecord[]>();

  constructor(client: DnsClient) {
    this.#client = client;
  }

  /** Asks for each name, which has no dot at its end; in their order. Forgets what is not asked for again. */
  async resolveAll(names: readonly string[], signal: AbortSignal): Promise<Host[]> {
    const before = this.#known;
    this.#known = new Map();
    const hosts: Host[] = [];
    const queue = names.entries();
    const work = async () => {
      for (const [i, name] of queue) hosts[i] = await this.#resolve(name, before, signal);
    };
    await Promise.all(Array.from({ length: concurrency }, work));
    return hosts;
  }

  /** Asks for one name, and forgets every other. */
  resolve(name: string, signal: AbortSignal): Promise<Host> {
    const before = this.#known;
    this.#known = new Map();
    return this.#resolve(name, before, signal);
  }

  async #resolve(
    name: string,
    before: ReadonlyMap<string, readonly AddressRecord[]>,
    signal: AbortSignal,
  ): Promise<Host> {
    const answers = await Promise.all(
      ([4, 6] as const).map(async (family): Promise<FamilyAnswer> => {
        const key = `${family} ${name}`;
        const answer = await this.#ask(name, family, before.get(key) ?? [], signal);
        this.#known.set(key, answer.records);
        return answer;
      }),
    );
    const records = answers.flatMap((answer) => answer.records);
    return {
      name,
      addresses: records.map(({ address }) => address),
      ttlSeconds: Math.min(...records.map(({ ttl }) => ttl)),
      failure: answers.find((answer) => answer.failure !== undefined)?.failure,
      answered: answers.some((answer) => answer.failure === undefined),
    };
  }

  async #ask(
    name: string,
    family: Family,
    before: readonly AddressRecord[],
    signal: AbortSignal,
  ): Promise<FamilyAnswer> {
    try {
      return { records: await this.#client.addresses(`${name}.`, family, signal) };
    } catch (error: unknown) {
      if (error instanceof DnsQueryError) return { records: before, failure: error };
      throw error;
    }
  }
}
