import type { Instance } from '@movies/discovery';
import type { Attempt } from './attempt';
import { DrawList } from './draw-list';
import { pickTwo } from './pick-two';
import { Upstream, type UpstreamOptions } from './upstream';

/** Share of the instances in use that may be set aside at once; of two it is one. */
const maxEjectedShare = 0.5;
const drainLimitMs = 30_000;

/** The upstreams of one service: follows the watched set and picks among what is usable. */
export class UpstreamSet {
  readonly #options: UpstreamOptions;
  /** Ordered by id, and at the same places the instances they were last told of. */
  readonly #upstreams: Upstream[] = [];
  readonly #instances: Instance[] = [];
  readonly #ready = new DrawList<Upstream>();
  readonly #draining = new DrawList<Upstream>();
  /** Ready; if none is, draining; if none is, in panic, all: better a try than a certain failure. */
  #usable: readonly Upstream[] = [];
  /** What a retry falls back on: all but those known not to serve, save in panic. */
  #reserve: readonly Upstream[] = [];
  /** Those that were set aside and may still be. */
  readonly #setAside = new Set<Upstream>();
  /** The usable ones not set aside, until `#candidatesUntil`: to filter at each pick costs 3.6 µs at 1,000. */
  #candidates: readonly Upstream[] = [];
  #candidatesUntil = 0;
  readonly #leaving = new Set<Upstream>();

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /** How many of those in use are set aside now. */
  get ejected(): number {
    return this.#usable.filter(({ ejection }) => ejection.until > this.#options.clock.now()).length;
  }

  /**
   * Takes over a new set, ordered by id as snapshots are. What is known of an instance outlives it; what left
   * it drains. Costs what changed, and a walk over the rest.
   */
  update(instances: readonly Instance[]): void {
    const known = this.#instances;
    let at = 0;
    // Of a copy, since walking a frozen array takes V8 four times as long.
    for (const instance of [...instances]) {
      // Most are the very same, and ids are slow to compare.
      if (known[at] !== instance) {
        let end = at;
        for (let old = known[end]; old && old.id < instance.id; old = known[end]) end += 1;
        this.#remove(at, end);
        if (known[at] !== instance) this.#take(at, instance);
      }
      at += 1;
    }
    this.#remove(at, known.length);
    const ready = this.#ready.items;
    const draining = this.#draining.items;
    const serving = draining.length === 0 ? ready : [...ready, ...draining];
    this.#reserve = serving.length > 0 ? serving : [...this.#upstreams];
    this.#usable = ready.length > 0 ? ready : this.#reserve;
    this.#refresh();
  }

  /** The upstream for the next attempt, none of `tried`; `undefined` when there is no other. */
  pick(tried: readonly Upstream[]): Upstream | undefined {
    const { clock, random } = this.#options;
    const now = clock.now();
    if (now >= this.#candidatesUntil) this.#refresh();
    if (tried.length === 0) return pickTwo(this.#candidates, now, random);
    // Rather one that is set aside than none: this call has nothing left to lose.
    for (const level of [this.#candidates, this.#usable, this.#reserve]) {
      const untried = level.filter((upstream) => !tried.includes(upstream));
      if (untried.length > 0) return pickTwo(untried, now, random);
    }
    return undefined;
  }

  /** Whether there is an upstream to pick that is none of `tried`. */
  hasOther(tried: readonly Upstream[]): boolean {
    return this.#reserve.some((upstream) => !tried.includes(upstream));
  }

  /** Notes how a call ended. */
  finish(upstream: Upstream, attempt: Attempt): void {
    const { until } = upstream.ejection;
    upstream.finish(attempt, () => this.#mayEject());
    if (upstream.ejection.until === until) return;
    this.#setAside.add(upstream);
    this.#refresh();
  }

  /** Lets everything drain, for at most `limitMs`. */
  async close(limitMs: number): Promise<void> {
    this.update([]);
    await Promise.all([...this.#leaving].map((upstream) => upstream.drain(limitMs)));
  }

  /** Whether the others can do without one more: never the last, at most half of those in use. */
  #mayEject(): boolean {
    const count = this.#usable.length;
    const ejected = this.ejected + 1;
    return ejected < count && ejected <= Math.max(1, Math.floor(count * maxEjectedShare));
  }

  #refresh(): void {
    const now = this.#options.clock.now();
    const usable = this.#usable;
    let until = Number.POSITIVE_INFINITY;
    for (const upstream of this.#setAside) {
      const ejectedUntil = upstream.ejection.until;
      if (ejectedUntil <= now) this.#setAside.delete(upstream);
      else if (ejectedUntil < until) until = ejectedUntil;
    }
    // As a rule none is, and then nothing needs to be copied.
    const candidates =
      this.#setAside.size === 0
        ? usable
        : usable.filter((upstream) => !this.#setAside.has(upstream));
    this.#candidates = candidates.length > 0 ? candidates : usable;
    this.#candidatesUntil = until;
  }

  /** An instance that is new, or another now, comes to its place. */
  #take(at: number, instance: Instance): void {
    const old = this.#upstreams[at];
    const stays = old?.is(instance) === true;
    const upstream = old && stays ? old : new Upstream(instance, this.#options);
    if (!stays && this.#instances[at]?.id === instance.id) this.#remove(at, at + 1);
    this.#upstreams.splice(at, stays ? 1 : 0, upstream);
    this.#instances.splice(at, stays ? 1 : 0, instance);
    upstream.update(instance);
    this.#ready.delete(upstream);
    this.#draining.delete(upstream);
    if (instance.state === 'ready') this.#ready.add(upstream);
    if (instance.state === 'draining') this.#draining.add(upstream);
  }

  #remove(start: number, end: number): void {
    if (start === end) return;
    this.#instances.splice(start, end - start);
    for (const upstream of this.#upstreams.splice(start, end - start)) {
      this.#ready.delete(upstream);
      this.#draining.delete(upstream);
      this.#setAside.delete(upstream);
      this.#leaving.add(upstream);
      void upstream.drain(drainLimitMs).then(() => this.#leaving.delete(upstream));
    }
  }
}
