import { SourceFailure } from '../adapter/source-failure';
import { formatAddress } from '../address';
import { createInstance, type Instance } from '../instance';
import { typeOf, type Served } from './dns-question';
import type { HostFamily } from './host-addresses';

/** What the answers so far come to. */
export type ServiceSet =
  /** `ttlSeconds` of the address that expires first. `isPartial`: something is kept that may be old. */
  | {
      readonly state: 'known';
      readonly instances: readonly Instance[];
      readonly ttlSeconds: number;
      readonly isPartial: boolean;
      readonly note: string | undefined;
    }
  /** There is none for sure. */
  | { readonly state: 'empty'; readonly note: string | undefined }
  /** An answer that matters is still to come. */
  | { readonly state: 'undecided' }
  | { readonly state: 'failed'; readonly failure: SourceFailure };

/** What is known of the addresses of a host. */
export type AddressesOf = (name: string) => readonly HostFamily[];

/** A weight of 0 beside others: RFC 2782 wants "a very small chance of being selected". */
const smallWeight = 0.01;

/**
 * The instances of the best (lowest) priority that has an address for sure. An address that is confirmed decides: what
 * cannot be asked beside it is a note. A priority of which something cannot be asked, and nothing is confirmed, is
 * neither known nor passed over.
 */
export function readServiceSet(
  service: string,
  question: string,
  hosts: readonly Served[],
  addressesOf: AddressesOf,
): ServiceSet {
  let note: string | undefined;
  let portless: SourceFailure | undefined;
  // A target of '.' says that the service is decidedly not offered.
  for (const group of byPriority(hosts.filter(({ name }) => name !== ''))) {
    const known = new Map(group.map(({ name }) => [name, heedNoSuchName(addressesOf(name))]));
    const families = [...known.values()].flat();
    const missing = families.filter(({ failure }) => failure !== undefined);
    note ??= noteOf(missing);
    const without = group.find(({ port }) => port === 0);
    if (without !== undefined) portless ??= portlessFailure(question, without.name);
    const usable = group.filter(({ port }) => port > 0);
    const confirmed = usable
      .flatMap(({ name }) => known.get(name) ?? [])
      .filter(({ failure }) => failure === undefined)
      .flatMap(({ records }) => records);
    if (confirmed.length > 0) {
      return {
        state: 'known',
        instances: instancesOf(service, usable, known),
        ttlSeconds: Math.min(...confirmed.map(({ ttl }) => ttl)),
        isPartial: missing.some(({ records }) => records.length > 0),
        note: portless?.message ?? note,
      };
    }
    const open = families.filter(({ isGivenUp }) => !isGivenUp);
    if (open.some(({ isAsking }) => isAsking)) return { state: 'undecided' };
    const failed = open.find(({ failure }) => failure !== undefined);
    if (failed?.failure !== undefined) return { state: 'failed', failure: failed.failure };
  }
  return portless === undefined ? { state: 'empty', note } : { state: 'failed', failure: portless };
}

/**
 * That a name does not exist is so for every type (RFC 8020, section 2), and a family that is silent need not say it.
 * Only of A: servers are known that say it wrongly of AAAA alone (RFC 4074, section 4.2).
 */
function heedNoSuchName(families: readonly HostFamily[]): readonly HostFamily[] {
  const isGone = families.some(
    ({ family, exists, failure, isAsking }) =>
      family === 4 && !exists && failure === undefined && !isAsking,
  );
  if (!isGone) return families;
  return families.filter(({ failure, isAsking }) => failure === undefined && !isAsking);
}

function instancesOf(
  service: string,
  hosts: readonly Served[],
  known: ReadonlyMap<string, readonly HostFamily[]>,
): Instance[] {
  const noneWeighs = hosts.every(({ weight }) => weight === 0);
  return hosts.flatMap(({ name, port, weight, labels }) =>
    (known.get(name) ?? [])
      .flatMap(({ records }) => records)
      .map(({ address: host }) =>
        createInstance({
          id: formatAddress({ host, port }),
          service,
          host,
          port,
          weight: noneWeighs ? 1 : weight === 0 ? smallWeight : weight,
          labels,
        }),
      ),
  );
}

/** Of several the first, so that the note is the same each time. */
function noteOf([first]: readonly HostFamily[]): string | undefined {
  if (first?.failure === undefined) return undefined;
  const { failure, records, family } = first;
  const remedy =
    family === 6
      ? `where no ${typeOf(family)} record is needed, family=4 asks for none`
      : 'its addresses are left out';
  return `${failure.message}: ${records.length > 0 ? 'its last addresses are kept for now' : remedy}`;
}

function portlessFailure(question: string, target: string): SourceFailure {
  return new SourceFailure(
    'malformed',
    `${question} has port 0 for '${target}', which is left out: give it a port, or use kind=a&port=<number>`,
    { reason: 'bad_answer' },
  );
}

/** The records of each priority, the best (lowest) first; in each ordered by target, heavier first. */
function byPriority(records: readonly Served[]): Served[][] {
  const ordered = records.toSorted(
    (a, b) =>
      a.priority - b.priority ||
      (a.name < b.name ? -1 : a.name > b.name ? 1 : b.weight - a.weight || a.port - b.port),
  );
  const priorities = new Set(ordered.map(({ priority }) => priority));
  return [...priorities].map((best) => ordered.filter(({ priority }) => priority === best));
}
