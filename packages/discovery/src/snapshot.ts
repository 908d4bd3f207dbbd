import type { DiscoveryError } from './discovery-error';
import type { Instance } from './instance';

/** The whole set of a service at one moment. Frozen, and so is everything in it. */
export interface Snapshot {
  readonly service: string;
  /** Counts the sets of this watch from 1; it rises when the set changes, and only then. */
  readonly version: number;
  /** Every known instance in any state, ordered by id; each id once. Empty: known to be empty. */
  readonly instances: readonly Instance[];
  /** When the registry last confirmed this set, in milliseconds since the epoch. */
  readonly syncedAt: number;
  /** Why the set is empty, for people to read, where the registry can say more than that nothing is there. */
  readonly emptyBecause?: string;
  /** Why the set may be old; absent while the registry answers. The set stays in force. */
  readonly failure?: DiscoveryError;
}
