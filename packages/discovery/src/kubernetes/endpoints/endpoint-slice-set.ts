import type { Instance } from '../../instance';
import { DistinctInstances, type Candidate } from './distinct-instances';
import type { EndpointSlice } from './endpoint-slice';
import { readSlice, type SliceContent } from './read-slice';

/** How many of the ports that there are `emptyBecause` names. */
const maxPortsNamed = 10;

/** Which of the Service's ports the instances have. */
export interface EndpointSliceSetOptions {
  readonly service: string;
  /** The name of the port; '' is the unnamed one. */
  readonly port: string;
}

/**
 * The instances of one Service, from all its EndpointSlices: a slice is a part of the set and not the set, and an
 * endpoint that stands in two of them lives as long as one has it. An update costs what changed in one slice.
 */
export class EndpointSliceSet {
  readonly #service: string;
  readonly #port: string;
  /** By name. */
  readonly #slices = new Map<string, readonly SliceContent[]>();
  readonly #distinct = new DistinctInstances();
  #warned = false;

  constructor({ service, port }: EndpointSliceSetOptions) {
    this.#service = service;
    this.#port = port;
  }

  /** Ordered by id, each id once. The same array as long as nothing changes, and the same members. */
  get instances(): readonly Instance[] {
    return this.#distinct.sorted;
  }

  /** Why there are no instances; `undefined` while there are. */
  get emptyBecause(): string | undefined {
    if (this.instances.length > 0) return undefined;
    return whyEmpty(this.#service, this.#port, [...this.#slices.values()].flat());
  }

  /** All slices there are, after a list. Those of one name go together: they were made of one object. */
  replace(slices: readonly EndpointSlice[]): void {
    const named = new Map<string, EndpointSlice[]>();
    for (const name of this.#slices.keys()) named.set(name, []);
    for (const slice of slices) {
      const { name } = slice.metadata;
      named.set(name, [...(named.get(name) ?? []), slice]);
    }
    // All are read before any is changed: one that cannot be read leaves the set as it was.
    const contents = [...named].map(([name, group]) => [name, this.#readAll(name, group)] as const);
    for (const [name, after] of contents) this.#change(name, after);
  }

  /** A slice that is new, or another now; or all those of one name. */
  put(...slices: readonly [EndpointSlice, ...EndpointSlice[]]): void {
    const { name } = slices[0].metadata;
    this.#change(name, this.#readAll(name, slices));
  }

  delete(name: string): void {
    this.#change(name, []);
  }

  #readAll(name: string, slices: readonly EndpointSlice[]): readonly SliceContent[] {
    const before = this.#slices.get(name) ?? [];
    return slices.map((slice, i) => this.#read(slice, before[i]));
  }

  #change(name: string, after: readonly SliceContent[]): void {
    const before = this.#slices.get(name) ?? [];
    if (after.length === 0) this.#slices.delete(name);
    else this.#slices.set(name, after);
    this.#distinct.change(missing(before, after), missing(after, before));
  }

  #read(slice: EndpointSlice, before: SliceContent | undefined): SliceContent {
    const content = readSlice(slice, { service: this.#service, port: this.#port, before });
    if (content.isFqdn && !this.#warned) {
      this.#warned = true;
      process.emitWarning(
        `EndpointSlice '${slice.metadata.name}' of Service '${this.#service}' holds names (FQDN) in place of ` +
          'addresses: such slices are skipped',
        { code: 'DISCOVERY_FQDN' },
      );
    }
    return content;
  }
}

/** The candidates of some slices that others do not have. */
function missing(
  some: readonly SliceContent[],
  others: readonly SliceContent[],
): readonly Candidate[] {
  const found: Candidate[] = [];
  for (const [i, { candidates }] of some.entries()) {
    const other = others[i]?.candidates;
    for (const [id, candidate] of candidates) {
      if (other?.get(id) !== candidate) found.push(candidate);
    }
  }
  return found;
}

/** Why no instance comes of these slices: for people to read. */
function whyEmpty(service: string, port: string, slices: readonly SliceContent[]): string {
  if (slices.length === 0) {
    return (
      `no EndpointSlice of Service '${service}' exists: there is no such Service here, or it has no ` +
      'selector, or it is of type ExternalName'
    );
  }
  const filled = slices.filter(({ endpoints }) => endpoints > 0);
  if (filled.length === 0) {
    return `Service '${service}' has no endpoints: no pod matches its selector, or none has an address yet`;
  }
  const callable = filled.filter(({ isFqdn }) => !isFqdn);
  if (callable.length === 0) {
    return `Service '${service}' has only endpoints of the type FQDN, which are skipped`;
  }
  const withPort = callable.filter((slice) => slice.port !== undefined);
  if (withPort.length === 0) {
    const ports = callable.flatMap((slice) => slice.ports);
    const isUnnamed = ports.length > 0 && ports.every(({ name }) => !name);
    return (
      `no endpoint of Service '${service}' has ${nameOf(port)}; ${portsOf(callable)}: ` +
      (isUnnamed
        ? 'port= in the registry URL, which is empty, chooses the one without a name'
        : 'give the name of the right one in the target as :<name>, or for all Services in the registry URL as port=<name>')
    );
  }
  return withPort.every(({ endpoints, terminated }) => endpoints === terminated)
    ? `all endpoints of Service '${service}' that have ${nameOf(port)} terminate and do not serve`
    : `no endpoint of Service '${service}' has an address that can be called`;
}

function portsOf(slices: readonly SliceContent[]): string {
  const ports = slices.flatMap((slice) => slice.ports);
  const known = new Set(ports.map(({ name, port }) => `${nameOf(name)} (${port ?? 'any number'})`));
  const named = [...known].sort().slice(0, maxPortsNamed);
  if (named.length === 0) return 'they have no port at all';
  if (known.size > named.length) named.push('…');
  return `there are ${named.join(', ')}`;
}

function nameOf(port: string | null | undefined): string {
  return port ? `port '${port}'` : 'an unnamed port';
}
