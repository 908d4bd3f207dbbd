import type { Instance } from '@movies/discovery';
import type { Attempt } from './attempt';
import { pickTwo } from './pick-two';
import { Upstream, type UpstreamOptions } from './upstream';

/** Share of the ready instances that may be set aside at once; of two it is one. */
const maxEjectedShare = 0.5;
const drainLimitMs = 30_000;

/** The upstreams of one service: follows the watched set and picks among what is usable. */
export class UpstreamSet {
  readonly #options: UpstreamOptions;
  #upstreams: readonly Upstream[] = [];
  /** Those that a pick draws from, until `#candidatesUntil`: filtering at each pick costs 3.6 µs at 1,000. */
  #candidates: readonly Upstream[] = [];
  #candidatesUntil = 0;
  readonly #draining = new Set<Promise<void>>();

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /** How many ready instances are set aside now. */
  get ejected(): number {
    return this.#ready().filter((upstream) => this.#isEjected(upstream)).length;
  }

  /** Takes over a new set. What is known of an instance outlives it; what left it drains. */
  update(instances: readonly Instance[]): void {
    const known = new Map(this.#upstreams.map((upstream) => [upstream.instance.id, upstream]));
    this.#upstreams = instances.map((instance) => {
      const upstream = known.get(instance.id);
      if (upstream?.is(instance) !== true) return new Upstream(instance, this.#options);
      known.delete(instance.id);
      upstream.update(instance);
      return upstream;
    });
    for (const gone of known.values()) this.#drain(gone);
    this.#refresh();
  }

  /** The upstream for the next attempt, none of `tried`; `undefined` when there is no other. */
  pick(tried: ReadonlySet<Upstream>): Upstream | undefined {
    const { clock, random } = this.#options;
    const now = clock.now();
    if (now >= this.#candidatesUntil) this.#refresh();
    if (tried.size === 0) return pickTwo(this.#candidates, now, random);
    // Rather one that is set aside than none: this call has nothing left to lose.
    for (const level of [this.#candidates, ...this.#levels()]) {
      const untried = level.filter((upstream) => !tried.has(upstream));
      if (untried.length > 0) return pickTwo(untried, now, random);
    }
    return undefined;
  }

  /** Whether there is an upstream that is none of `tried`. */
  hasOther(tried: ReadonlySet<Upstream>): boolean {
    return this.#upstreams.some((upstream) => !tried.has(upstream));
  }

  /** Notes how a call ended. */
  finish(upstream: Upstream, attempt: Attempt): void {
    const { until } = upstream.ejection;
    upstream.finish(attempt, () => this.#mayEject());
    if (upstream.ejection.until !== until) this.#refresh();
  }

  /** Lets everything drain, for at most `limitMs`. */
  async close(limitMs: number): Promise<void> {
    for (const upstream of this.#upstreams) this.#drain(upstream, limitMs);
    this.#upstreams = [];
    this.#refresh();
    await Promise.all(this.#draining);
  }

  /** Whether the others can do without one more: never the last, at most half of those that are ready. */
  #mayEject(): boolean {
    const ready = this.#ready().length;
    const ejected = this.ejected + 1;
    return ejected < ready && ejected <= Math.max(1, Math.floor(ready * maxEjectedShare));
  }

  #refresh(): void {
    const now = this.#options.clock.now();
    const [usable] = this.#levels().filter((level) => level.length > 0);
    const candidates = (usable ?? []).filter((upstream) => !this.#isEjected(upstream));
    this.#candidates = candidates.length > 0 ? candidates : (usable ?? []);
    this.#candidatesUntil = Math.min(
      ...this.#upstreams.map(({ ejection }) => ejection.until).filter((until) => until > now),
    );
  }

  /** Ready; else draining; else, in panic, whatever is known: better a try than a certain failure. */
  #levels(): (readonly Upstream[])[] {
    return [
      this.#ready(),
      this.#upstreams.filter(({ instance }) => instance.state === 'draining'),
      this.#upstreams,
    ];
  }

  #ready(): readonly Upstream[] {
    return this.#upstreams.filter(({ instance }) => instance.state === 'ready');
  }

  #isEjected({ ejection }: Upstream): boolean {
    return ejection.until > this.#options.clock.now();
  }

  #drain(upstream: Upstream, limitMs = drainLimitMs): void {
    const drained = upstream.drain(limitMs).finally(() => {
      this.#draining.delete(drained);
    });
    this.#draining.add(drained);
  }
}
