import type { DiscoveryError } from './discovery-error';
import type { Instance } from './instance';

const none: readonly Instance[] = Object.freeze([]);

/** What a watch knows of its service at one moment: one value. Frozen, and so is everything in it. */
export type View = Unknown | Snapshot | Closed;

/** The set is not known: the registry has not answered yet, or fails and the set is older than `maxStaleMs`. */
export interface Unknown {
  readonly state: 'unknown';
  /** Why; absent while the first response is under way. */
  readonly failure?: DiscoveryError;
}

/** The whole set of a service. */
export interface Snapshot {
  readonly state: 'known';
  /** The target, as it was given to `watch`. */
  readonly service: string;
  /** Counts the sets of this service from 1; it rises when the set changes, and only then. */
  readonly version: number;
  /** Every known instance in any state, ordered by id; each id once. Empty: known to be empty. */
  readonly instances: readonly Instance[];
  /** When the registry last confirmed this set, in milliseconds since the epoch. */
  readonly confirmedAt: number;
  /** The set is from the snapshot cache: a former process heard it, and the registry has not confirmed it to this one. */
  readonly isFromCache?: true;
  /** Why the set is empty, for people to read, where the registry can say more than that nothing is there. */
  readonly emptyBecause?: string;
  /** Something that the operator should know although the set is good, for people to read. */
  readonly note?: string;
  /** Why the set may be old; absent while the registry answers. The set stays in force. */
  readonly failure?: DiscoveryError;
}

/** The watch, or its registry, is closed. */
export interface Closed {
  readonly state: 'closed';
}

/** The instances of a set that is known; none of one that is not. */
export function instancesOf(view: View): readonly Instance[] {
  return view.state === 'known' ? view.instances : none;
}

/** Why the set may be old, or is not known; `undefined` while the registry answers. */
export function failureOf(view: View): DiscoveryError | undefined {
  return view.state === 'closed' ? undefined : view.failure;
}
