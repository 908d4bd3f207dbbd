import type { Instance } from '../instance';
import type { DnsQueryError } from './dns-client';

/** What DNS says of a service at one moment. */
export interface DnsAnswer {
  /** Ordered by id, each id once. Empty: there is none for sure. */
  readonly instances: readonly Instance[];
  /** Of the address that expires first; infinite where there is none. */
  readonly ttlSeconds: number;
  /** A part could not be asked; of that the instances are what is still known. */
  readonly failure?: DnsQueryError | undefined;
  /** Where there is no instance: why, and what to look at. */
  readonly emptyBecause?: string;
}

/** Asks once for all of a service. */
export interface DnsLookup {
  /** Rejects with `DnsQueryError` when nothing could be learnt; that empties nothing. */
  resolve(signal: AbortSignal): Promise<DnsAnswer>;
}

/** Ordered by id; of the same address twice the first stays. */
export function uniqueByAddress(instances: readonly Instance[]): Instance[] {
  const byId = new Map<string, Instance>();
  for (const instance of instances) {
    if (!byId.has(instance.id)) byId.set(instance.id, instance);
  }
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
