import type { SrvRecord } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { formatAddress, type Address } from '../address';

export type Family = 4 | 6;

/** An A or AAAA record. */
export interface AddressRecord {
  readonly address: string;
  /** Seconds. */
  readonly ttl: number;
}

/** Each try of each server: a server that is silent costs 4 s. */
const timeoutMs = 2000;
const tries = 2;

/** What c-ares says, in words; the rest speaks for itself by its code. */
const failures: Readonly<Record<string, { readonly reason: string; readonly words: string }>> = {
  ESERVFAIL: { reason: 'servfail', words: 'the server failed (SERVFAIL)' },
  EREFUSED: { reason: 'refused', words: 'the server refuses to answer (REFUSED)' },
  ETIMEOUT: { reason: 'timeout', words: 'no answer in time' },
  ECANCELLED: { reason: 'timeout', words: 'no answer in time' },
  ECONNREFUSED: { reason: 'unreachable', words: 'no DNS server can be reached there' },
  EBADNAME: { reason: 'bad_name', words: 'this is not a name that DNS can hold' },
};

/** A name whose records are not known: nobody answered, or not with yes or no. */
export class DnsQueryError extends Error {
  /** A short word, for a metric. */
  readonly reason: string;

  constructor(message: string, reason: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/**
 * Asks DNS servers for records. By c-ares, which asks over TCP where UDP falls short, and never by
 * `dns.lookup`, which takes one of the four threads of the pool until the server answers.
 */
export class DnsClient {
  /** Who is asked, for messages. */
  readonly servers: string;
  readonly #resolver: Resolver;

  /** The system's servers by default. */
  constructor(servers?: readonly Address[]) {
    // Without `maxTimeout` the second try has twice the time.
    this.#resolver = new Resolver({ timeout: timeoutMs, maxTimeout: timeoutMs, tries });
    if (servers !== undefined) this.#resolver.setServers(servers.map(formatAddress));
    this.servers = this.#resolver.getServers().join(', ');
  }

  /**
   * Empty: there is no such name, or it has no such record. Rejects with `DnsQueryError`, as all here, and
   * asks nothing once the signal is aborted; what is under way then ends by `cancel`.
   */
  srv(name: string, signal: AbortSignal): Promise<SrvRecord[]> {
    return this.#ask('SRV', name, signal, () => this.#resolver.resolveSrv(name));
  }

  addresses(name: string, family: Family, signal: AbortSignal): Promise<AddressRecord[]> {
    return family === 4
      ? this.#ask('A', name, signal, () => this.#resolver.resolve4(name, { ttl: true }))
      : this.#ask('AAAA', name, signal, () => this.#resolver.resolve6(name, { ttl: true }));
  }

  /** Everything under way rejects, and its sockets are closed. */
  cancel(): void {
    this.#resolver.cancel();
  }

  async #ask<T>(
    type: string,
    name: string,
    signal: AbortSignal,
    query: () => Promise<T[]>,
  ): Promise<T[]> {
    try {
      signal.throwIfAborted();
      return await query();
    } catch (error: unknown) {
      const code = signal.aborted ? 'ECANCELLED' : codeOf(error);
      if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
      const { reason, words } = failures[code] ?? { reason: 'bad_answer', words: code };
      throw new DnsQueryError(`'${name}' ${type}, asked of ${this.servers}: ${words}`, reason, {
        cause: error,
      });
    }
  }
}

function codeOf(error: unknown): string {
  const isCoded = typeof error === 'object' && error !== null && 'code' in error;
  return isCoded ? String(error.code) : String(error);
}
