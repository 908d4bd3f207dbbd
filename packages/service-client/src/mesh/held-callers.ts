import { failureOf, type Registry, type ServiceWatch } from '@movies/discovery';
import type { Clock } from '@movies/time';
import { Caller } from '../caller';
import type { ClientSettings } from '../client-options';
import type { Route } from './route';

/** A service that was not called for so long is not watched any more. */
const idleMs = 60_000;
/** More are not held without a request under way: a program may take names from its callers. */
const maxHeld = 256;

interface Held {
  readonly caller: Caller;
  readonly settings: ClientSettings;
  requests: number;
  usedAt: number;
}

/** A caller, for one request. */
export interface Lease {
  readonly caller: Caller;
  readonly settings: ClientSettings;
  /** Host and port of the URL. */
  readonly host: string;
  /** The request is over. Twice is fine. */
  readonly release: () => void;
}

export interface HeldCallersOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly settings: (route: Route) => ClientSettings;
}

/** The callers of the services that URLs name, one for each origin: those that are in use, and those that were of late. */
export class HeldCallers {
  readonly #options: HeldCallersOptions;
  /** By origin, in the order of their use, the oldest first. */
  readonly #held = new Map<string, Held>();
  readonly #closing = new Set<Promise<void>>();
  #cancelSweep: (() => void) | undefined;

  constructor(options: HeldCallersOptions) {
    this.#options = options;
  }

  /** The caller for a request; `undefined` if the host is no service of this registry. */
  take(route: Route): Lease | undefined {
    const held = this.#held.get(route.origin) ?? this.#open(route);
    if (held === undefined) return undefined;
    held.requests += 1;
    this.#touch(route.origin, held);
    this.#releaseOldest();
    let isReleased = false;
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      held.requests -= 1;
      if (this.#held.get(route.origin) === held) this.#touch(route.origin, held);
      this.#releaseOldest();
    };
    return { caller: held.caller, settings: held.settings, host: route.host, release };
  }

  /** Lets requests under way finish for at most `limitMs`. */
  async close(limitMs: number): Promise<void> {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    for (const [origin, held] of [...this.#held]) this.#release(origin, held, limitMs);
    await Promise.all(this.#closing);
  }

  #open(route: Route): Held | undefined {
    const { registry, settings } = this.#options;
    const { watch, port } = openWatch(registry, route);
    if (route.needsNamespaces && isRefused(watch)) {
      void watch.close();
      return undefined;
    }
    const of = settings(route);
    return { caller: new Caller(watch, of, port), settings: of, requests: 0, usedAt: 0 };
  }

  #touch(origin: string, held: Held): void {
    held.usedAt = this.#options.clock.now();
    this.#held.delete(origin);
    this.#held.set(origin, held);
    this.#sweepIn(idleMs);
  }

  #releaseOldest(): void {
    if (this.#held.size <= maxHeld) return;
    for (const [origin, held] of this.#held) {
      if (held.requests > 0) continue;
      this.#release(origin, held, 0);
      return;
    }
  }

  readonly #sweep = (): void => {
    this.#cancelSweep = undefined;
    const now = this.#options.clock.now();
    let next = Infinity;
    for (const [origin, held] of [...this.#held]) {
      if (held.requests > 0) next = Math.min(next, idleMs);
      else if (held.usedAt + idleMs <= now) this.#release(origin, held, 0);
      else next = Math.min(next, held.usedAt + idleMs - now);
    }
    if (next !== Infinity) this.#sweepIn(next);
  };

  #sweepIn(ms: number): void {
    this.#cancelSweep ??= this.#options.clock.schedule(ms, this.#sweep, true);
  }

  #release(origin: string, { caller }: Held, limitMs: number): void {
    this.#held.delete(origin);
    const closing = caller.close(limitMs).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

/**
 * Watches what the URL names. A registry that lets targets choose a port finds it by its number; of any other one, all
 * instances are watched, and only those at the port count.
 */
function openWatch(
  registry: Registry,
  { target, port }: Route,
): { readonly watch: ServiceWatch; readonly port: number | undefined } {
  if (port === undefined) return { watch: registry.watch(target), port: undefined };
  const watch = registry.watch(`${target}:${port}`);
  if (!isRefused(watch)) return { watch, port: Number(port) };
  void watch.close();
  return { watch: registry.watch(target), port: Number(port) };
}

function isRefused({ view }: ServiceWatch): boolean {
  return failureOf(view)?.code === 'invalid_target';
}
