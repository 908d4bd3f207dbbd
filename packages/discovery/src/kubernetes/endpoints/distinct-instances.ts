import { rankOfState, sameInstance, type Instance } from '../../instance';

/** An endpoint of one slice: an instance, unless a better one of the same id or address stands elsewhere. */
export interface Candidate {
  readonly instance: Instance;
  /** `host:port` */
  readonly address: string;
  readonly slice: string;
  readonly isIpv6: boolean;
}

/**
 * The candidates of all slices, and the instances among them: each id and each address once. A change costs what
 * changed, and what shares an id or address with it, however many there are.
 */
export class DistinctInstances {
  /** All candidates, by id and by address. */
  readonly #sharing = new Map<string, Candidate[]>();
  readonly #chosen = new Map<string, Instance>();
  /** Ids that may have changed since `#sorted` was made. */
  readonly #touched = new Set<string>();
  #sorted: readonly Instance[] = Object.freeze([]);

  /** Ordered by id; the same array as long as nothing changes. */
  get sorted(): readonly Instance[] {
    if (this.#touched.size > 0) {
      this.#sorted = withChanges(this.#sorted, [...this.#touched].sort(), this.#chosen);
      this.#touched.clear();
    }
    return this.#sorted;
  }

  /**
   * Puts `now` in the place of `old`, the same but for its state or labels, if nobody else has their id or address:
   * then there is nothing to choose. False if it was not done.
   */
  exchange(old: Candidate, now: Candidate): boolean {
    // The old strings, since their hashes are known.
    const { id } = old.instance;
    if (id !== now.instance.id || old.address !== now.address) return false;
    const byId = this.#sharing.get(id);
    const byAddress = this.#sharing.get(old.address);
    if (byId?.length !== 1 || byAddress?.length !== 1) return false;
    byId[0] = byAddress[0] = now;
    this.#chosen.set(id, now.instance);
    this.#touched.add(id);
    return true;
  }

  change(removed: readonly Candidate[], added: readonly Candidate[]): void {
    const keys = new Set<string>();
    for (const candidate of removed) {
      this.#unlink(candidate.instance.id, candidate);
      this.#unlink(candidate.address, candidate);
      this.#forget(candidate);
      keys.add(candidate.instance.id).add(candidate.address);
    }
    for (const candidate of added) {
      this.#link(candidate.instance.id, candidate);
      this.#link(candidate.address, candidate);
      keys.add(candidate.instance.id).add(candidate.address);
    }
    this.#choose(this.#allThatShare(keys));
  }

  /** All that have one of the keys, or share one with such a candidate, and so on. */
  #allThatShare(keys: Set<string>): Set<Candidate> {
    const found = new Set<Candidate>();
    // The walk comes by the keys that are added on the way.
    for (const key of keys) {
      for (const candidate of this.#sharing.get(key) ?? []) {
        found.add(candidate);
        keys.add(candidate.instance.id).add(candidate.address);
      }
    }
    return found;
  }

  #choose(candidates: ReadonlySet<Candidate>): void {
    for (const candidate of candidates) this.#forget(candidate);
    const taken = new Set<string>();
    for (const { instance, address } of [...candidates].sort(byPreference)) {
      if (taken.has(instance.id) || taken.has(address)) continue;
      taken.add(instance.id).add(address);
      this.#chosen.set(instance.id, instance);
    }
  }

  #forget({ instance: { id } }: Candidate): void {
    this.#chosen.delete(id);
    this.#touched.add(id);
  }

  #link(key: string, candidate: Candidate): void {
    const sharing = this.#sharing.get(key);
    if (sharing === undefined) this.#sharing.set(key, [candidate]);
    else sharing.push(candidate);
  }

  #unlink(key: string, candidate: Candidate): void {
    const others = this.#sharing.get(key)?.filter((other) => other !== candidate) ?? [];
    if (others.length === 0) this.#sharing.delete(key);
    else this.#sharing.set(key, others);
  }
}

/** The better state, then IPv4, then the order of the slices' names: the same whatever came first. */
function byPreference(a: Candidate, b: Candidate): number {
  return (
    rankOfState[b.instance.state] - rankOfState[a.instance.state] ||
    Number(a.isIpv6) - Number(b.isIpv6) ||
    compare(a.slice, b.slice) ||
    compare(a.instance.id, b.instance.id)
  );
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** `before`, with what `chosen` has for each of the ids in place of what it had; itself if that is the same. */
function withChanges(
  before: readonly Instance[],
  ids: readonly string[],
  chosen: ReadonlyMap<string, Instance>,
): readonly Instance[] {
  // A copy, since walking a frozen array takes V8 four times as long.
  const known = [...before];
  const after: Instance[] = [];
  let copied = 0;
  let changed = false;
  for (const id of ids) {
    const at = positionOf(id, known, copied);
    copy(known, copied, at, after);
    const old = known[at]?.id === id ? known[at] : undefined;
    const now = chosen.get(id);
    // The same from another slice, or back after it was gone, is not a change.
    const same = old !== undefined && now !== undefined && sameInstance(old, now);
    if (now !== undefined) after.push(same ? old : now);
    if (!same && now !== old) changed = true;
    copied = old === undefined ? at : at + 1;
  }
  if (!changed) return before;
  copy(known, copied, known.length, after);
  return Object.freeze(after);
}

/** One by one: faster than many short slices. */
function copy(from: readonly Instance[], start: number, end: number, to: Instance[]): void {
  for (let i = start; i < end; i += 1) {
    const instance = from[i];
    if (instance !== undefined) to.push(instance);
  }
}

/** Where `id` stands or would stand, by halves: comparing thousands of ids is what would cost. */
function positionOf(id: string, sorted: readonly Instance[], from: number): number {
  let low = from;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle]?.id ?? '') < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
