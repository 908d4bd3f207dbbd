import type { Clock } from '@movies/time';
import type { DiscoveryError } from '../discovery-error';
import { rankOfState, sameInstance, type Instance } from '../instance';
import type { Snapshot } from '../snapshot';

const none: readonly Instance[] = Object.freeze([]);

type Listener = (snapshot: Snapshot) => void;

/**
 * Where a feed puts what it learns of one service. The last good set is kept, compared, versioned and
 * handed to the listeners here, once for all adapters.
 */
export interface SnapshotSink {
  /**
   * The whole set, as the registry has just confirmed it. The same id twice: the better state stays.
   * `emptyBecause`: why there is none, for people to read, where the registry can say more.
   */
  publish(instances: readonly Instance[], emptyBecause?: string): void;
  /** The registry does not answer: the set stays, and `reason` (a short word, for a metric) is counted. */
  fail(error: DiscoveryError, reason: string): void;
}

/** The last good set of one service: what is known, since when, and who wants to hear of it. */
export class SnapshotStore implements SnapshotSink {
  readonly service: string;
  readonly restarts = new Map<string, number>();
  readonly #clock: Clock;
  readonly #listeners = new Set<Listener>();
  #snapshot: Snapshot | undefined;
  #failure: DiscoveryError | undefined;
  #round = 0;

  constructor(service: string, clock: Clock) {
    this.service = service;
    this.#clock = clock;
  }

  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  get failure(): DiscoveryError | undefined {
    return this.#failure;
  }

  publish(instances: readonly Instance[], emptyBecause?: string): void {
    const before = this.#snapshot;
    const hadFailed = this.#failure !== undefined;
    const next = keepUnchanged(before?.instances ?? none, instances);
    const changed = next !== before?.instances;
    this.#failure = undefined;
    this.#snapshot = Object.freeze({
      service: this.service,
      version: (before?.version ?? 0) + (changed ? 1 : 0),
      instances: next,
      syncedAt: this.#clock.now(),
      ...(next.length > 0 || emptyBecause === undefined ? {} : { emptyBecause }),
    });
    const otherReason = this.#snapshot.emptyBecause !== before?.emptyBecause;
    if (changed || hadFailed || otherReason) this.#notify(this.#snapshot);
  }

  fail(error: DiscoveryError, reason: string): void {
    const known = this.#failure?.message === error.message;
    this.restarts.set(reason, (this.restarts.get(reason) ?? 0) + 1);
    this.#failure = error;
    if (this.#snapshot === undefined) return;
    this.#snapshot = Object.freeze({ ...this.#snapshot, failure: error });
    if (!known) this.#notify(this.#snapshot);
  }

  subscribe(listener: Listener): () => void {
    // A function of its own, so that the same listener may subscribe twice.
    const own: Listener = (snapshot) => {
      listener(snapshot);
    };
    this.#listeners.add(own);
    if (this.#snapshot !== undefined) tell(own, this.#snapshot);
    return () => {
      this.#listeners.delete(own);
    };
  }

  #notify(snapshot: Snapshot): void {
    this.#round += 1;
    const round = this.#round;
    for (const listener of [...this.#listeners]) {
      // A listener caused the next round, and everyone has heard of that already.
      if (this.#round !== round) return;
      if (this.#listeners.has(listener)) tell(listener, snapshot);
    }
  }
}

function tell(listener: Listener, snapshot: Snapshot): void {
  try {
    listener(snapshot);
  } catch (error: unknown) {
    // A warning neither ends the process nor vanishes, and the other listeners still hear of the set.
    // As text: for an Error object Node ignores code and detail.
    process.emitWarning(`a listener of service '${snapshot.service}' threw: ${String(error)}`, {
      code: 'DISCOVERY_LISTENER',
      ...(error instanceof Error && error.stack !== undefined ? { detail: error.stack } : {}),
    });
  }
}

/**
 * The new list, ordered by id and each id once, with its unchanged members from the old one; the old list itself
 * when nothing changed. Most members of a large set are the very same, and stand where they stood: what they say
 * need not be looked at.
 */
function keepUnchanged(
  before: readonly Instance[],
  after: readonly Instance[],
): readonly Instance[] {
  // Copies, since walking a frozen array takes V8 four times as long.
  const known = [...before];
  const kept = [...after];
  let at = 0;
  let changed = known.length !== kept.length;
  let previous: Instance | undefined;
  let knownPrevious: Instance | undefined;
  for (let i = 0; i < kept.length; i += 1) {
    const instance = kept[i];
    if (instance === undefined) continue;
    if (known[at] === instance && knownPrevious === previous) {
      previous = knownPrevious = instance;
      at += 1;
      continue;
    }
    if (previous !== undefined && previous.id >= instance.id) {
      return keepUnchanged(before, uniqueById(after));
    }
    let same: Instance | undefined;
    for (let old = known[at]; old !== undefined && same === undefined; old = known[at]) {
      if (old !== instance && old.id > instance.id) break;
      at += 1;
      knownPrevious = old;
      if (sameInstance(old, instance)) same = old;
    }
    if (same === undefined) changed = true;
    previous = same ?? Object.freeze(instance);
    kept[i] = previous;
  }
  return changed ? Object.freeze(kept) : before;
}

/** Ordered by id, each id once: the better state of it. */
function uniqueById(instances: readonly Instance[]): readonly Instance[] {
  const byId = new Map<string, Instance>();
  for (const instance of instances) {
    const known = byId.get(instance.id);
    if (known === undefined || rankOfState[instance.state] > rankOfState[known.state]) {
      byId.set(instance.id, instance);
    }
  }
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
