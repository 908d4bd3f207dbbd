import type { Clock } from '@movies/time';
import { DiscoveryError } from '../discovery-error';
import { rankOfState, sameInstance, type Instance } from '../instance';
import type { Snapshot, Unknown } from '../view';
import type { Remarks, Sink } from './source';
import type { SourceFailure } from './source-failure';

const none: readonly Instance[] = Object.freeze([]);
const unknown: Unknown = Object.freeze({ state: 'unknown' });

type Listener = (view: Unknown | Snapshot) => void;

export interface SnapshotStoreOptions {
  /** The target, as messages name it. */
  readonly service: string;
  readonly clock: Clock;
  /** How long a set that the registry does not confirm stays in force; without end by default. */
  readonly maxStaleMs?: number | undefined;
}

/** The last good set of one target: the view of it, and its listeners. */
export class SnapshotStore implements Sink {
  readonly service: string;
  readonly failures = new Map<string, number>();
  readonly #clock: Clock;
  readonly #maxStaleMs: number;
  readonly #listeners = new Set<Listener>();
  #view: Unknown | Snapshot = unknown;
  #version = 0;
  #cancelExpiry: () => void = () => undefined;
  #round = 0;

  constructor({ service, clock, maxStaleMs = Infinity }: SnapshotStoreOptions) {
    this.service = service;
    this.#clock = clock;
    this.#maxStaleMs = maxStaleMs;
  }

  get view(): Unknown | Snapshot {
    return this.#view;
  }

  publish(instances: readonly Instance[], remarks: Remarks = {}): void {
    const { confirmedAt = this.#clock.now() } = remarks;
    this.#put(instances, remarks, { confirmedAt });
  }

  /** The set that a former process had, as confirmed at `confirmedAt`; ignored once the registry has published a set. */
  restore(instances: readonly Instance[], confirmedAt: number): void {
    const { failure, state } = this.#view;
    if (state === 'known' || this.#clock.now() - confirmedAt >= this.#maxStaleMs) return;
    const kept = failure === undefined ? {} : { failure };
    this.#put(instances, {}, { confirmedAt, isFromCache: true, ...kept });
    if (failure !== undefined) this.#expireLater();
  }

  fail(failure: SourceFailure): void {
    const { reason, message } = failure;
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
    this.#fail(
      new DiscoveryError('registry_unavailable', `watching '${this.service}': ${message}`, {
        cause: failure,
      }),
    );
    this.#expireLater();
  }

  /** The target cannot be followed at all. */
  refuse(error: DiscoveryError): void {
    this.failures.set(error.code, 1);
    this.#fail(error);
  }

  subscribe(listener: Listener): () => void {
    // A function of its own, so that the same listener may subscribe twice.
    const own: Listener = (view) => {
      listener(view);
    };
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  /** Ends what waits. */
  close(): void {
    this.#cancelExpiry();
  }

  #put(
    instances: readonly Instance[],
    { emptyBecause, note }: Remarks,
    origin: Pick<Snapshot, 'confirmedAt' | 'isFromCache' | 'failure'>,
  ): void {
    this.#cancelExpiry();
    const before = this.#view;
    const known = before.state === 'known' ? before : undefined;
    const next = keepUnchanged(known?.instances ?? none, instances);
    const isChanged = next !== known?.instances;
    if (isChanged) this.#version += 1;
    const view: Snapshot = Object.freeze({
      state: 'known',
      service: this.service,
      version: this.#version,
      instances: next,
      ...origin,
      ...(next.length > 0 || emptyBecause === undefined ? {} : { emptyBecause }),
      ...(note === undefined ? {} : { note }),
    });
    this.#view = view;
    const saysMore =
      before.failure !== view.failure ||
      known?.emptyBecause !== view.emptyBecause ||
      known?.note !== view.note ||
      known?.isFromCache !== view.isFromCache;
    if (isChanged || saysMore) this.#notify();
  }

  #fail(error: DiscoveryError): void {
    const isKnown = this.#view.failure?.message === error.message;
    this.#view = Object.freeze({ ...this.#view, failure: error });
    if (!isKnown) this.#notify();
  }

  /** A set that is not confirmed for too long is not known any more. */
  #expireLater(): void {
    const view = this.#view;
    if (view.state !== 'known' || this.#maxStaleMs === Infinity) return;
    this.#cancelExpiry();
    const leftMs = view.confirmedAt + this.#maxStaleMs - this.#clock.now();
    this.#cancelExpiry = this.#clock.schedule(Math.max(0, leftMs), () => {
      const { failure } = this.#view;
      this.#view = failure === undefined ? unknown : Object.freeze({ state: 'unknown', failure });
      this.#notify();
    });
  }

  #notify(): void {
    this.#round += 1;
    const round = this.#round;
    for (const listener of [...this.#listeners]) {
      // A listener caused a newer round, which has already reached every listener.
      if (this.#round !== round) return;
      if (this.#listeners.has(listener)) listener(this.#view);
    }
  }
}

/**
 * The new list, ordered by id and each id once, with its unchanged members from the old one; the old list itself
 * when nothing changed. Most members of a large set are the same objects in the same order, and their fields
 * need not be compared.
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
