import type { Instance } from './instance';
import type { Snapshot, View } from './view';

/**
 * PORT: where the instances of a service are.
 *
 * The contract, a test a clause in `adapter/registry.contract.ts`, which every adapter runs:
 *
 * - A subscriber gets the whole set, never a difference.
 * - The present set comes first, as soon as it is known.
 * - The same set is not sent twice.
 * - An unknown service is an empty set; `discover` rejects it with `no_instances` and says what is known.
 * - "Not yet known" is not "known to be empty": before the first sync the view is `unknown`, and
 *   `discover` waits for the set, up to a limit.
 * - A failure of the registry is told beside the last good set, which stays in force; also before the first sync.
 * - Only an authoritative empty response empties a set.
 * - A set equals what the registry says a bounded time after the registry answers again, whatever failed before.
 * - A service that cannot be followed disturbs no other.
 * - A set is frozen, ordered by id, and has a version.
 * - A listener is never called before `subscribe` returns, and may unsubscribe or close in any call.
 * - After `close`, silence. Closing twice is fine. No promise is left pending, no socket or timer stays.
 */
export interface Registry extends AsyncDisposable {
  /**
   * Follows one target, as `rating` or `rating.shop:grpc`, until the watch or the registry is closed, or `signal` is
   * aborted. Never throws: a target that this registry cannot have is a watch with the failure `invalid_target`.
   * All watches of a target share one query or stream to the registry.
   */
  watch(target: string, options?: { readonly signal?: AbortSignal }): ServiceWatch;
  /**
   * The present instances, in every state; never none. The first call for a target waits for the first sync. The
   * target then stays watched until it was not asked for during a minute, so that later calls cost the registry nothing.
   * Rejects with `no_instances`, or as `ServiceWatch.synced` does.
   */
  discover(target: string, options?: WaitOptions): Promise<readonly Instance[]>;
  /** Ends every watch; resolves when their sockets and timers are gone. Twice is fine. */
  close(): Promise<void>;
}

/** How long to wait, and for what. */
export interface WaitOptions {
  /** Ends the wait: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** 5,000 by default; `Infinity` waits until the watch is closed. */
  readonly timeoutMs?: number;
  /** Rejects with the first failure that is known, in place of waiting for the registry to recover. */
  readonly failFast?: boolean;
}

/** One target, watched. Iterating it gives the present snapshot, then the newest after each change, until it is closed. */
export interface ServiceWatch extends AsyncDisposable, AsyncIterable<Snapshot> {
  /** The target, as it was given to `watch`. */
  readonly service: string;
  /** What is known now. */
  readonly view: View;
  /** Milliseconds since the registry confirmed the set; 0 where it cannot be old, `undefined` while there is none. */
  readonly ageMs: number | undefined;
  /** How often the registry could not be followed, by reason: a short word for a metric. */
  readonly failures: ReadonlyMap<string, number>;
  /**
   * The present snapshot, or the first one. Rejects with `registry_unavailable` after `timeoutMs` (the cause says
   * why), with `invalid_target` at once, with `closed`, or with the signal's reason.
   */
  synced(options?: WaitOptions): Promise<Snapshot>;
  /**
   * Calls `listener` with the present view as soon as there is a set or a failure, never before `subscribe` returns;
   * then whenever either changes; at last with `closed`. Ends with the function that is returned, or the signal. A
   * listener that throws is reported as a process warning and stops no other.
   */
  subscribe(
    listener: (view: View) => void,
    options?: { readonly signal?: AbortSignal },
  ): () => void;
  /** Ends this watch; resolves when nothing of it is left. Twice is fine. */
  close(): Promise<void>;
}
