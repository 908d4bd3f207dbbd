import type { EndpointSlice } from '../endpoints/endpoint-slice';
import type { KubeList, WatchEvent } from '../list-watch/list-watch';

type Slices = ReadonlyMap<string, EndpointSlice>;

interface Change {
  readonly version: number;
  readonly event: WatchEvent<EndpointSlice>;
  /** All there is after it. */
  readonly slices: Slices;
}

/** What one API server knows of one Service: a state a version, and how it came to it. */
export class ServerModel {
  #version = 100_000;
  #slices: Slices = new Map();
  #changes: Change[] = [];
  #compactedAt = this.#version;
  #unreadableBefore = 0;
  /** Every state there ever was, also those that it has forgotten. */
  readonly states = new Set([describeSlices([])]);

  get version(): number {
    return this.#version;
  }

  get slices(): Slices {
    return this.#slices;
  }

  put(name: string, addresses: readonly string[]): void {
    const type = this.#slices.has(name) ? 'MODIFIED' : 'ADDED';
    const object: EndpointSlice = {
      metadata: { name, resourceVersion: String(this.#version + 1) },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 80 }],
      endpoints: addresses.map((address) => ({ addresses: [address] })),
    };
    this.#record(type, object, new Map(this.#slices).set(name, object));
  }

  delete(name: string): void {
    const known = this.#slices.get(name);
    if (known === undefined) return;
    const rest = new Map(this.#slices);
    rest.delete(name);
    const metadata = { ...known.metadata, resourceVersion: String(this.#version + 1) };
    this.#record('DELETED', { ...known, metadata }, rest);
  }

  /** Forgets how it came to the present state. */
  compact(): void {
    this.#version += 1;
    this.#compactedAt = this.#version;
  }

  /** Can tell no watch any more what happened up to now, as with an event that cannot be decoded; it can list. */
  spoil(): void {
    this.#version += 1;
    this.#unreadableBefore = this.#version;
  }

  /**
   * As a store that was restored from a copy: back to an older state, under a version that is far older, so that
   * it does not come by the present one again.
   */
  setBack(by: number): void {
    const older = this.#changes.at(-1 - by);
    this.#slices = older?.slices ?? new Map<string, EndpointSlice>();
    this.#version -= 1000;
    this.#compactedAt = this.#version;
    this.#unreadableBefore = 0;
    this.#changes = [];
  }

  /** The present state, or an older one. */
  list(behind = 0): KubeList<EndpointSlice> {
    const older = behind === 0 ? undefined : this.#changes.at(-1 - behind);
    return {
      version: String(older?.version ?? this.#version),
      objects: [...(older?.slices ?? this.#slices).values()],
    };
  }

  /** The first thing that happened after a version, or why a watch from there fails. */
  after(version: number): WatchEvent<EndpointSlice> | 'expired' | 'refused' | undefined {
    if (version < this.#unreadableBefore) return 'refused';
    if (version < this.#compactedAt) return 'expired';
    return this.#changes.find((change) => change.version > version)?.event;
  }

  /** The last things that happened up to a version, newest first. */
  before(version: number, count: number): WatchEvent<EndpointSlice>[] {
    return this.#changes
      .filter((change) => change.version <= version)
      .slice(-count)
      .reverse()
      .map(({ event }) => event);
  }

  #record(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: EndpointSlice, slices: Slices): void {
    this.#version += 1;
    this.#slices = slices;
    const event = { type, version: String(this.#version), object };
    this.#changes.push({ version: this.#version, event, slices });
    this.states.add(describeSlices(slices.values()));
  }
}

/** A state as text: which slice has which addresses. */
export function describeSlices(slices: Iterable<EndpointSlice>): string {
  return [...slices]
    .map(({ metadata: { name }, endpoints }) => {
      const addresses = (endpoints ?? []).map(({ addresses }) => addresses?.[0] ?? '');
      return `${name}=${addresses.join('+')}`;
    })
    .sort()
    .join(' ');
}
