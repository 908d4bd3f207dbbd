import type { Instance } from '../../instance';
import { DistinctInstances, type Candidate } from './distinct-instances';
import { explainEmpty, explainMissingPort } from './empty-reasons';
import type { EndpointSlice } from './endpoint-slice';
import { readSlice, type SliceContent } from './slice-content';

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
  readonly #slices = new Map<string, SliceContent>();
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
    return explainEmpty(this.#service, this.#port, [...this.#slices.values()]);
  }

  /** There are endpoints, but none has a port of the wanted name: what they have. */
  get missingPort(): string | undefined {
    if (this.instances.length > 0) return undefined;
    return explainMissingPort(this.#service, this.#port, [...this.#slices.values()]);
  }

  /** All slices there are, after a list. */
  replace(slices: readonly EndpointSlice[]): void {
    const changes = new Map<string, SliceContent | undefined>();
    for (const name of this.#slices.keys()) changes.set(name, undefined);
    for (const slice of slices) changes.set(slice.metadata.name, this.#read(slice));
    this.#change(changes);
  }

  /** A slice that is new, or another now. */
  put(slice: EndpointSlice): void {
    this.#change([[slice.metadata.name, this.#read(slice)]]);
  }

  delete(name: string): void {
    this.#change([[name, undefined]]);
  }

  #read(slice: EndpointSlice): SliceContent {
    const content = readSlice(slice, {
      service: this.#service,
      port: this.#port,
      before: this.#slices.get(slice.metadata.name),
    });
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

  #change(changes: Iterable<readonly [name: string, after: SliceContent | undefined]>): void {
    const removed: Candidate[] = [];
    const added: Candidate[] = [];
    for (const [name, after] of changes) {
      const before = this.#slices.get(name);
      let stayed = 0;
      for (const [id, candidate] of after?.candidates ?? []) {
        const old = before?.candidates.get(id);
        if (old !== undefined) stayed += 1;
        if (old === candidate || (old && this.#distinct.exchange(old, candidate))) continue;
        if (old !== undefined) removed.push(old);
        added.push(candidate);
      }
      const left = stayed === before?.candidates.size ? [] : (before?.candidates ?? []);
      for (const [id, candidate] of left) {
        if (after?.candidates.has(id) !== true) removed.push(candidate);
      }
      if (after === undefined) this.#slices.delete(name);
      else this.#slices.set(name, after);
    }
    this.#distinct.change(removed, added);
  }
}
