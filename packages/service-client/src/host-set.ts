import type { Instance } from '@movies/discovery';
import type { Random } from '@movies/time';
import type { AttemptOutcome } from './attempt';
import type { AttemptEnd, Balancer } from './balancer/balancer';
import type { ConnectionOptions } from './connections';
import { DrawList } from './draw-list';
import type { ClientEvent } from './client-events';
import type { HostHealth } from './health/host-health';
import type { OutlierDetection } from './health/outlier-detection';
import { Host } from './host';
import type { HostGroup, ZonePreference } from './zone-preference';

/** How long a host that left may finish what is under way. */
const drainLimitMs = 30_000;
/** A host that comes back within this time is known. */
const rememberMs = 60_000;
/** Share of its weight with which a host starts slowly. */
const slowStartShare = 0.1;

export interface HostSetOptions extends ConnectionOptions {
  readonly random: Random;
  readonly balancer: Balancer;
  readonly outliers: OutlierDetection;
  readonly zones: ZonePreference;
  /** Time in which the weight of a new host grows to its full value; 0: it has it at once. */
  readonly slowStartMs: number;
  readonly note: (event: Omit<ClientEvent, 'at'>) => void;
}

/** How an attempt at a host ended. */
export interface HostEnd {
  readonly outcome: AttemptOutcome;
  /** Milliseconds since there was a connection for it. */
  readonly durationMs: number;
  /** What responses took when it began, as `typicalMs` said; 0 by default. */
  readonly typicalMs?: number;
  /** How long the host asks to be spared. */
  readonly pauseMs: number;
  /** The attempt in words, if it failed. */
  readonly what: string;
  /** It was told as a success before: the response broke off after its head. */
  readonly wasGood?: boolean;
}

/** What outlives a host that left for a moment. */
interface Remembered {
  readonly instance: Instance;
  readonly health: HostHealth;
  readonly state: unknown;
  readonly leftAt: number;
}

/** The hosts of one service: follows the watched set, and offers the balancer those that may be asked. */
export class HostSet {
  readonly #options: HostSetOptions;
  /** Ordered by id, and at the same places the instances they were last told of. */
  readonly #hosts: Host[] = [];
  readonly #instances: Instance[] = [];
  readonly #ready = new DrawList<Host>();
  readonly #draining = new DrawList<Host>();
  /** Ready; if none is, draining; if none is, all: better a try than a certain failure. */
  #usable: readonly Host[] = [];
  /** What a retry falls back on: all but those known not to serve, if there are others. */
  #reserve: readonly Host[] = [];
  /** Those that are ejected, back from an ejection and not proved, or asked to be spared. */
  readonly #suspects = new Set<Host>();
  /** What the balancer picks from, until `#candidatesUntil`: to filter at each pick costs 3.6 µs at 1,000 hosts. */
  #candidates: readonly Host[] = [];
  /** The same by where they run, if that makes a difference. */
  #groups: readonly HostGroup<Host>[] = [];
  #candidatesUntil = Infinity;
  readonly #leaving = new Set<Host>();
  readonly #remembered = new Map<string, Remembered>();
  /** Hosts in slow start, and when they joined. */
  readonly #starting = new Map<Host, number>();
  #hadHosts = false;

  constructor(options: HostSetOptions) {
    this.#options = options;
  }

  get hosts(): readonly Host[] {
    return this.#hosts;
  }

  /** How many of those in use are ejected now. */
  get ejected(): number {
    const now = this.#options.clock.now();
    return this.#usable.filter(({ health }) => health.state(now).kind === 'out').length;
  }

  /**
   * Takes over a new set, ordered by id as snapshots are. What is known of an instance outlives it; what left it drains.
   * Costs what changed, and a walk over the rest.
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
    this.#hadHosts ||= instances.length > 0;
    const ready = this.#ready.items;
    const draining = this.#draining.items;
    const serving = draining.length === 0 ? ready : [...ready, ...draining];
    this.#reserve = serving.length > 0 ? serving : [...this.#hosts];
    this.#usable = ready.length > 0 ? ready : this.#reserve;
    this.#refresh();
  }

  /** The host for the next attempt, none of `tried`; `undefined` when there is no other. */
  pick(tried: readonly Host[]): Host | undefined {
    const now = this.#options.clock.now();
    if (now >= this.#candidatesUntil) this.#refresh();
    if (this.#starting.size > 0) this.#growWeights(now);
    const near = this.#groups.length === 0 ? this.#candidates : this.#drawGroup();
    if (tried.length === 0) return this.#pickFrom(near, now);
    // Rather one that is ejected than none: this request has nothing left to lose.
    for (const level of [near, this.#candidates, this.#usable, this.#reserve]) {
      const untried = level.filter((host) => !tried.includes(host));
      if (untried.length > 0) return this.#pickFrom(untried, now);
    }
    return undefined;
  }

  /** Whether there is a host to pick that is none of `tried`. */
  hasOther(tried: readonly Host[]): boolean {
    return this.#reserve.some((host) => !tried.includes(host));
  }

  /** What responses of all hosts take of late, in milliseconds; 0 while that is not known. */
  get typicalMs(): number {
    return this.#options.outliers.typicalMs;
  }

  /** An attempt at this host begins. */
  begin(host: Host): void {
    // From now on it is not free to probe.
    if (this.#suspects.has(host)) this.#candidatesUntil = 0;
    this.#options.balancer.started?.(host);
  }

  /** An attempt at this host ended. */
  finish(host: Host, end: HostEnd): void {
    const { balancer, outliers, clock } = this.#options;
    const now = clock.now();
    const kind = endKind(end.outcome);
    if (kind !== undefined) balancer.ended?.(host, { ...end, kind }, now);
    if (kind === 'answered') host.latencyMs = end.durationMs;
    if (end.what !== '') host.lastFailure = { at: now, what: end.what };
    // It is nothing to choose any more.
    if (host.hasLeft) return;
    if (end.pauseMs > 0) this.#spare(host, now + end.pauseMs);
    const change = outliers.record(host.health, end, now, this.#usable);
    // What comes back is tried at once, by one request, whatever was still under way when it was ejected.
    if (host.health.state(now).kind === 'out') host.state = balancer.state();
    // While all fail, each failure says so.
    if (change === 'readmit' && this.#suspects.size === 0) return;
    if (change === 'ejected') {
      this.#suspects.add(host);
      this.#note('ejected', host, end.what);
    } else if (change === 'returned') this.#return(host, 'a request succeeded');
    else if (change === 'readmit') {
      const ejected = [...this.#suspects].filter(({ health }) => health.state(now).kind !== 'in');
      for (const other of ejected) this.#return(other, 'the others fail as well');
    }
    if (change !== undefined) this.#candidatesUntil = 0;
  }

  /** Lets everything drain, for at most `limitMs`. */
  async close(limitMs: number): Promise<void> {
    this.update([]);
    await Promise.all([...this.#leaving].map((host) => host.drain(limitMs)));
  }

  #pickFrom(hosts: readonly Host[], now: number): Host | undefined {
    const { balancer, random } = this.#options;
    if (hosts.length < 2) return hosts[0];
    return hosts[balancer.pick(hosts, random, now)] ?? hosts[0];
  }

  #drawGroup(): readonly Host[] {
    let left = this.#options.random();
    for (const { hosts, share } of this.#groups) {
      left -= share;
      if (left < 0) return hosts;
    }
    return this.#candidates;
  }

  #spare(host: Host, until: number): void {
    host.sparedUntil = Math.max(host.sparedUntil, until);
    this.#suspects.add(host);
    this.#candidatesUntil = 0;
  }

  /** Ends an ejection, or the probing after it. */
  #return(host: Host, cause: string): void {
    if (this.#options.clock.now() >= host.sparedUntil) this.#suspects.delete(host);
    this.#forget(host);
    this.#note('returned', host, cause);
  }

  #forget({ health }: Host): void {
    const { outliers, clock } = this.#options;
    outliers.readmit(health, clock.now());
  }

  #note(kind: ClientEvent['kind'], host: Host, cause: string): void {
    this.#options.note({ kind, instance: host.instance.id, cause });
  }

  #refresh(): void {
    const now = this.#options.clock.now();
    let until = Infinity;
    for (const host of this.#suspects) {
      const state = host.health.state(now);
      if (state.kind === 'out') until = Math.min(until, state.until);
      // It gets one request at a time, and the next one as soon as that is over.
      if (state.kind === 'probing' && host.inFlight > 0) until = 0;
      if (now < host.sparedUntil) until = Math.min(until, host.sparedUntil);
      else if (state.kind === 'in') this.#suspects.delete(host);
    }
    // As a rule there is none, and then nothing needs to be copied.
    const healthy =
      this.#suspects.size === 0
        ? this.#usable
        : this.#usable.filter((host) => !this.#suspects.has(host) || isOffered(host, now));
    this.#candidates = healthy.length > 0 ? healthy : this.#usable;
    this.#groups = this.#options.zones.groups(healthy, this.#usable);
    this.#candidatesUntil = until;
  }

  /** An instance that is new, or another now, comes to its place. */
  #take(at: number, instance: Instance): void {
    const old = this.#hosts[at];
    const stays = old?.is(instance) === true;
    const host = old && stays ? old : this.#join(instance);
    if (!stays && this.#instances[at]?.id === instance.id) this.#remove(at, at + 1);
    this.#hosts.splice(at, stays ? 1 : 0, host);
    this.#instances.splice(at, stays ? 1 : 0, instance);
    const before = host.instance.state;
    host.update(instance);
    if (before !== instance.state) this.#changeState(host, before);
    this.#ready.delete(host);
    this.#draining.delete(host);
    if (instance.state === 'ready') this.#ready.add(host);
    if (instance.state === 'draining') this.#draining.add(host);
  }

  #changeState(host: Host, before: Instance['state']): void {
    const { state } = host.instance;
    this.#note('state', host, `${before} → ${state}`);
    // It was restarted in its place: what it did before says nothing of it.
    if (before === 'not_ready' && state === 'ready') {
      host.sparedUntil = 0;
      if (this.#suspects.has(host)) this.#return(host, 'the registry says that it is ready again');
      else this.#forget(host);
      host.state = this.#options.balancer.state();
    }
  }

  #join(instance: Instance): Host {
    const { balancer, outliers, clock, slowStartMs } = this.#options;
    const now = clock.now();
    for (const [key, { leftAt }] of this.#remembered) {
      if (now - leftAt > rememberMs) this.#remembered.delete(key);
    }
    const known = this.#remembered.get(keyOf(instance));
    this.#remembered.delete(keyOf(instance));
    const host = new Host(
      instance,
      this.#options,
      known?.health ?? outliers.health(),
      known?.state ?? balancer.state(),
    );
    if (host.health.state(now).kind !== 'in') this.#suspects.add(host);
    if (known === undefined && this.#hadHosts && slowStartMs > 0) this.#starting.set(host, now);
    this.#note('joined', host, known === undefined ? 'new in the set' : 'back in the set');
    return host;
  }

  #growWeights(now: number): void {
    const { slowStartMs } = this.#options;
    for (const [host, joinedAt] of this.#starting) {
      const share = Math.max(slowStartShare, (now - joinedAt) / slowStartMs);
      host.weight = host.instance.weight * Math.min(1, share);
      if (share >= 1) this.#starting.delete(host);
    }
  }

  #remove(start: number, end: number): void {
    if (start === end) return;
    this.#instances.splice(start, end - start);
    const leftAt = this.#options.clock.now();
    for (const host of this.#hosts.splice(start, end - start)) {
      for (const list of [this.#ready, this.#draining, this.#suspects, this.#starting]) {
        list.delete(host);
      }
      const { instance, health, state } = host;
      this.#remembered.set(keyOf(instance), { instance, health, state, leftAt });
      host.hasLeft = true;
      this.#leaving.add(host);
      this.#note('left', host, 'not in the set any more');
      void host.drain(drainLimitMs).then(() => this.#leaving.delete(host));
    }
  }
}

/** Whether a suspect may be asked: it is not ejected, did not ask to be spared, and is probed by one request at a time. */
function isOffered({ health, inFlight, sparedUntil }: Host, now: number): boolean {
  if (now < sparedUntil) return false;
  const { kind } = health.state(now);
  return kind === 'in' || (kind === 'probing' && inFlight === 0);
}

function keyOf({ id, host, port }: Instance): string {
  return `${id} ${host} ${port}`;
}

/** What an outcome teaches a balancer; nothing if it is not the host's. */
function endKind(outcome: AttemptOutcome): AttemptEnd['kind'] | undefined {
  switch (outcome) {
    case 'ok':
      return 'answered';
    case 'aborted':
    case 'outrun':
    case 'timeout':
      return 'unanswered';
    case 'local':
    case 'too_large':
      return undefined;
    default:
      return 'failed';
  }
}
