import type { SrvRecord } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { LimitedSignal, type Clock } from '@movies/time';
import { codeOf } from '../adapter/message-of';
import { SourceFailure, type FailureKind } from '../adapter/source-failure';

/** Of IP addresses: 4 is A records, 6 is AAAA records. */
export type Family = 4 | 6;

/** An A or AAAA record. */
export interface AddressRecord {
  readonly address: string;
  /** Seconds. */
  readonly ttl: number;
}

/** What a server says of a name and a type for sure. */
export interface DnsAnswer<T> {
  readonly records: readonly T[];
  /** False: there is no such name, whatever the type (NXDOMAIN). */
  readonly exists: boolean;
}

export interface DnsClientOptions {
  /** Read before each turn: as c-ares writes them, `10.0.0.10` or `127.0.0.1:5353`. The system's by default. */
  readonly servers?: (() => readonly string[]) | undefined;
  readonly clock: Clock;
}

interface Server {
  readonly name: string;
  readonly resolver: Resolver;
  /** It is asked last until then, since another one answered in its place. */
  restUntil: number;
  /** Why it rests. */
  trouble: string;
}

/** Each of two tries of a server: a lost packet costs 2 s where there is no other server. */
const timeoutMs = 2000;
const tries = 2;
/** For one question, whatever the servers do. */
const questionLimitMs = 5000;
/** A server that is silent for so long has the next one asked beside it. */
const patienceMs = 500;
const restMs = 30_000;

interface Failing {
  readonly kind: FailureKind;
  readonly reason: string;
  readonly words: string;
}

const timedOut: Failing = { kind: 'silent', reason: 'timeout', words: 'no answer in time' };

/** What c-ares says, in words; the rest speaks for itself by its code. */
const failings: Readonly<Record<string, Failing>> = {
  ESERVFAIL: { kind: 'refused', reason: 'servfail', words: 'the server failed (SERVFAIL)' },
  EREFUSED: { kind: 'refused', reason: 'refused', words: 'the server refuses to answer (REFUSED)' },
  ETIMEOUT: timedOut,
  ECANCELLED: timedOut,
  ECONNREFUSED: {
    kind: 'unreachable',
    reason: 'unreachable',
    words: 'no DNS server can be reached there',
  },
  EBADNAME: {
    kind: 'malformed',
    reason: 'bad_name',
    words: 'this is not a name that DNS can hold',
  },
};

/**
 * Asks DNS servers for records. By c-ares, which asks over TCP where UDP falls short, and never by
 * `dns.lookup`, which takes one of the four threads of the pool until the server answers.
 *
 * Each server has a channel of its own, since the one of Node takes SERVFAIL and REFUSED as the answer and asks no
 * other server, and waits 2 s for a silent one.
 */
export class DnsClient {
  readonly #read: (() => readonly string[]) | undefined;
  readonly #clock: Clock;
  #servers: readonly Server[] = [];

  constructor({ servers, clock }: DnsClientOptions) {
    this.#read = servers;
    this.#clock = clock;
  }

  /** Which servers are asked, for messages. */
  get servers(): string {
    return this.#servers.map(({ name }) => name).join(', ');
  }

  /** Of a server that another one stands in for: which, and why. */
  get trouble(): string | undefined {
    const resting = this.#servers.find(({ restUntil }) => restUntil > this.#clock.now());
    if (resting === undefined) return undefined;
    return `the DNS server ${resting.name} is passed over, and another one asked: ${resting.trouble}`;
  }

  /** Reads again which servers there are; a `Resolver` reads `/etc/resolv.conf` when it is made, and only then. */
  refresh(): void {
    const system = new Resolver({ timeout: timeoutMs, maxTimeout: timeoutMs, tries });
    const names = this.#read?.() ?? system.getServers();
    if (names.join() === this.#servers.map(({ name }) => name).join()) return;
    this.cancel();
    this.#servers = names.map((name) => {
      // As the system has it where that is enough: `getServers` leaves out the zone of a link-local address.
      const isSystem = this.#read === undefined && names.length === 1;
      // Without `maxTimeout` the second try has twice the time.
      const resolver = isSystem
        ? system
        : new Resolver({ timeout: timeoutMs, maxTimeout: timeoutMs, tries });
      if (!isSystem) resolver.setServers([name]);
      return { name, resolver, restUntil: 0, trouble: '' };
    });
  }

  /**
   * Rejects with `SourceFailure` when no server answers within 5 s, as all here, or as soon as the signal is aborted;
   * what is under way then ends by `cancel`.
   */
  srv(name: string, signal: AbortSignal): Promise<DnsAnswer<SrvRecord>> {
    return this.#ask('SRV', name, signal, (resolver) => resolver.resolveSrv(name));
  }

  addresses(name: string, family: Family, signal: AbortSignal): Promise<DnsAnswer<AddressRecord>> {
    return family === 4
      ? this.#ask('A', name, signal, (resolver) => resolver.resolve4(name, { ttl: true }))
      : this.#ask('AAAA', name, signal, (resolver) => resolver.resolve6(name, { ttl: true }));
  }

  /** Everything under way rejects, and its sockets are closed. */
  cancel(): void {
    for (const { resolver } of this.#servers) resolver.cancel();
  }

  /** The first server that answers yes or no decides. The next one is asked when one fails, or is silent for 500 ms. */
  async #ask<T>(
    type: string,
    name: string,
    signal: AbortSignal,
    query: (resolver: Resolver) => Promise<T[]>,
  ): Promise<DnsAnswer<T>> {
    if (this.#servers.length === 0) this.refresh();
    using limited = new LimitedSignal(signal, questionLimitMs, this.#clock);
    const queue = this.#inOrder();
    const asked: Server[] = [];
    const failed = new Map<Server, Failing>();
    let cancelNext: () => void = () => undefined;
    const answered = new Promise<DnsAnswer<T>>((resolve, reject) => {
      const give = (server: Server, answer: DnsAnswer<T>) => {
        server.restUntil = 0;
        for (const before of asked.slice(0, asked.indexOf(server))) {
          before.restUntil = this.#clock.now() + restMs;
          before.trouble = (failed.get(before) ?? timedOut).words;
        }
        resolve(answer);
      };
      const askNext = () => {
        cancelNext();
        const server = queue.shift();
        if (server === undefined) {
          if (asked.length === 0) reject(noServer());
          return;
        }
        asked.push(server);
        if (queue.length > 0) cancelNext = this.#clock.schedule(patienceMs, askNext);
        query(server.resolver).then(
          (records) => {
            give(server, { records, exists: true });
          },
          (error: unknown) => {
            const code = codeOf(error);
            if (code === 'ENOTFOUND' || code === 'ENODATA') {
              give(server, { records: [], exists: code === 'ENODATA' });
              return;
            }
            const bad: Failing = { kind: 'malformed', reason: 'bad_answer', words: code };
            failed.set(server, failings[code] ?? bad);
            if (code === 'ECANCELLED' || (queue.length === 0 && failed.size === asked.length)) {
              reject(describe(type, name, asked, failed, error));
            } else {
              askNext();
            }
          },
        );
      };
      askNext();
    });
    try {
      return await limited.race(answered);
    } catch (error: unknown) {
      if (error instanceof SourceFailure) throw error;
      throw describe(type, name, asked, failed, error);
    } finally {
      cancelNext();
    }
  }

  /** In the order in which they are given, but those that rest last. */
  #inOrder(): Server[] {
    const now = this.#clock.now();
    const rests = ({ restUntil }: Server) => Number(restUntil > now);
    return this.#servers.toSorted((a, b) => rests(a) - rests(b));
  }
}

function noServer(): SourceFailure {
  return new SourceFailure('unreachable', 'the system has no DNS server: name one', {
    reason: 'unreachable',
  });
}

/** Names each server with what it did, and is of the kind of the first one that was asked. */
function describe(
  type: string,
  name: string,
  asked: readonly Server[],
  failed: ReadonlyMap<Server, Failing>,
  cause: unknown,
): SourceFailure {
  const serversByWords = new Map<string, string[]>();
  let first: Failing | undefined;
  for (const server of asked) {
    const failing = failed.get(server) ?? timedOut;
    first ??= failing;
    const servers = serversByWords.get(failing.words) ?? [];
    serversByWords.set(failing.words, [...servers, server.name]);
  }
  const { kind, reason } = first ?? timedOut;
  const said = [...serversByWords].map(([words, servers]) => `of ${servers.join(', ')}: ${words}`);
  return new SourceFailure(kind, `'${name}' ${type}, asked ${said.join('; ')}`, { reason, cause });
}
