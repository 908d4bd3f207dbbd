import type { DiscoveryError } from './discovery-error';
import type { Instance } from './instance';
import type { Snapshot } from './snapshot';

/**
 * PORT: where the instances of a service are.
 *
 * The contract, a test a clause in `registry.contract.ts`, which every adapter runs:
 *
 * - A subscriber gets the whole set, never a difference.
 * - The present set comes first, as soon as it is known.
 * - The same set is not sent twice.
 * - An unknown service is an empty set; `discover` rejects it with `no_instances` and says what is known.
 * - "Not yet known" is not "known to be empty": before the first sync there is no snapshot, and
 *   `discover` waits for it, up to a limit.
 * - A failure of the registry is reported beside the last good set, which stays in force.
 * - Only an authoritative empty answer empties a set.
 * - A set is frozen, ordered by id, and has a version.
 * - After `close`, silence. Closing twice is fine. No promise is left pending, no socket or timer stays.
 */
export interface Registry {
  /**
   * Follows one service until the watch or the registry is closed. Never throws and asks the registry
   * nothing more if the service is watched already: all watches of a service share one feed.
   */
  watch(service: string): ServiceWatch;
  /**
   * The present instances, in every state. The first call for a service waits for the first sync and
   * keeps the service watched until `close`; later calls cost the registry nothing.
   * Rejects with `no_instances`, `registry_unavailable` (no sync within the limit), `closed`, or the
   * signal's reason.
   */
  discover(
    service: string,
    options?: { readonly signal?: AbortSignal },
  ): Promise<readonly Instance[]>;
  /** Ends every watch; resolves when their sockets and timers are gone. */
  close(): Promise<void>;
}

/** One service, watched. */
export interface ServiceWatch extends AsyncDisposable {
  readonly service: string;
  /** The last good set; `undefined` as long as it is not known. */
  readonly snapshot: Snapshot | undefined;
  /** Why the registry does not answer; `undefined` while it does. Also set before the first sync. */
  readonly failure: DiscoveryError | undefined;
  /** Milliseconds since the registry confirmed the set; 0 where the set cannot be old, `undefined` before the first sync. */
  readonly ageMs: number | undefined;
  /** How often the feed had to start again, by reason. */
  readonly restarts: ReadonlyMap<string, number>;
  /**
   * Calls `listener` with the present snapshot, if there is one, before it returns; then whenever the
   * set or its failure changes. A listener that throws is reported as a process warning and stops no other.
   */
  subscribe(listener: (snapshot: Snapshot) => void): () => void;
  /**
   * The present snapshot, or the first one. Rejects with `registry_unavailable` after `timeoutMs`
   * (the cause says why), with `closed`, or with the signal's reason.
   */
  firstSync(options?: FirstSyncOptions): Promise<Snapshot>;
  /** Ends this watch; resolves when nothing of it is left. Twice is fine. */
  close(): Promise<void>;
}

export interface FirstSyncOptions {
  readonly signal?: AbortSignal;
  /** 5,000 by default. */
  readonly timeoutMs?: number;
}
