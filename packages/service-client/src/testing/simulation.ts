import { createInstance, type Instance } from '@movies/discovery';
import { Backoff, type Random } from '@movies/time';
import type { AttemptOutcome } from '../attempt';
import { retryAfter } from '../classify';
import { clientSettings, type ClientOptions, type ClientSettings } from '../client-options';
import { OutlierDetection } from '../health/outlier-detection';
import type { Host } from '../host';
import { HostSet } from '../host-set';
import { RetryBudget } from '../retry/budget';
import { payRetry } from '../retry/pay-retry';
import { openThrottles, type RetryThrottle, type RetryThrottles } from '../retry/throttle';
import { patienceMs } from '../retry/patience';
import { holdRequest } from './held-request';
import { seededRandom } from './seeded-random';
import { SimulatedServer, type Behaviour } from './simulated-server';
import { VirtualClock } from './virtual-clock';

export interface SimulationOptions {
  /** How each server behaves at first; their order is that of their indices. */
  readonly servers: readonly Behaviour[];
  /** Requests per second of all clients together. */
  readonly perSecond: number;
  readonly clients?: number;
  /** Options of every client; each gets what the function makes of them, so that each has its own balancer. */
  readonly client?: () => Omit<ClientOptions, 'clock' | 'random'>;
  /** Fields of the instances, by index. */
  readonly instance?: (index: number) => Partial<Instance>;
  /** `even`: at fixed moments; `random`: a Poisson process. `even` by default. */
  readonly arrivals?: 'even' | 'random';
  readonly seed?: number;
}

/** What became of the requests that began in one stretch of time. */
export class Stretch {
  requests = 0;
  failed = 0;
  /** Attempts by the index of the server. */
  readonly attempts = new Map<number, number>();
  /** Of the requests that succeeded, in the order in which they ended. */
  readonly latenciesMs: number[] = [];
  /** When each of them ended. */
  readonly answeredAt: number[] = [];
  /** When the last request ended that failed. */
  lastFailureAt = -Infinity;

  get amplification(): number {
    return this.#total / this.requests;
  }

  /** Share of the attempts that this server got. */
  share(server: number): number {
    return (this.attempts.get(server) ?? 0) / this.#total;
  }

  quantileMs(share: number): number {
    const sorted = Float64Array.from(this.latenciesMs).sort();
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
  }

  get #total(): number {
    return [...this.attempts.values()].reduce((sum, count) => sum + count, 0);
  }
}

/**
 * Clients and servers in virtual time, without sockets. Host sets, balancers, outlier detection, retry budget and throttle are the
 * real ones; what `Attempts` does with promises and connections is done here by timers. Two runs with the same seed are the same.
 */
export class Simulation {
  readonly clock = new VirtualClock();
  readonly servers: readonly SimulatedServer[];
  readonly #random: Random;
  readonly #clients: readonly SimulatedClient[];
  readonly #instances: readonly Instance[];
  readonly #options: SimulationOptions;
  #nextAt: number;
  #turn = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed ?? 1);
    this.servers = options.servers.map(
      (behaviour) => new SimulatedServer(behaviour, this.clock, this.#random),
    );
    this.#instances = this.servers.map((_, index) => {
      const id = `host-${String(index).padStart(5, '0')}`;
      const fields = options.instance?.(index) ?? {};
      return createInstance({ id, service: 'simulated', host: id, port: 80, ...fields });
    });
    this.#clients = Array.from({ length: options.clients ?? 1 }, () => {
      const given = options.client?.() ?? {};
      const settings = clientSettings({ ...given, clock: this.clock, random: this.#random });
      return new SimulatedClient(settings, (host) => this.#indexOf(host));
    });
    this.publish();
    this.#nextAt = this.clock.now();
  }

  /** All clients, each with its hosts. */
  get hostSets(): readonly HostSet[] {
    return this.#clients.map(({ hosts }) => hosts);
  }

  /** Tells the clients the set: all servers, or those of these indices. */
  publish(indices?: readonly number[]): void {
    const known = new Set(indices ?? this.#instances.keys());
    const present = this.#instances.filter((_, index) => known.has(index));
    for (const { hosts } of this.#clients) hosts.update(present);
  }

  /** The servers of these indices, or all, behave like this from now on. */
  behave(behaviour: Behaviour, indices?: readonly number[]): void {
    for (const index of indices ?? this.servers.keys()) {
      const server = this.servers[index];
      if (server !== undefined) server.behaviour = behaviour;
    }
  }

  /** Sends requests for so long. Those still under way at the end count to this stretch when they end later. */
  run(forMs: number): Stretch {
    const stretch = new Stretch();
    const until = this.clock.now() + forMs;
    const meanMs = 1000 / this.#options.perSecond;
    while (this.#nextAt < until) {
      this.clock.run(Math.max(0, this.#nextAt - this.clock.now()));
      this.#turn = (this.#turn + 1) % this.#clients.length;
      const client = this.#clients[this.#turn];
      client?.request(stretch, (index) => this.servers[index]);
      const isRandom = this.#options.arrivals === 'random';
      this.#nextAt += isRandom ? -Math.log(1 - this.#random()) * meanMs : meanMs;
    }
    this.clock.run(until - this.clock.now());
    return stretch;
  }

  /** Lets time pass in which no request begins. */
  rest(forMs: number): void {
    this.clock.run(forMs);
    this.#nextAt = this.clock.now();
  }

  #indexOf({ instance }: Host): number {
    return Number(instance.id.slice('host-'.length));
  }
}

interface SimulatedRequest {
  readonly stretch: Stretch;
  readonly startedAt: number;
  readonly deadlineAt: number;
  readonly tried: Host[];
  /** Attempts under way and their places: each is ended by its function, with the outcome of one that was given up. */
  readonly running: Map<(outcome: AttemptOutcome) => void, number>;
  readonly backoff: Backoff;
  readonly timers: Set<() => void>;
  attempts: number;
  isOver: boolean;
}

type ServerOf = (index: number) => SimulatedServer | undefined;

class SimulatedClient {
  readonly hosts: HostSet;
  readonly #settings: ClientSettings;
  readonly #budget: RetryBudget;
  readonly #throttles: RetryThrottles;
  readonly #outliers: OutlierDetection;
  readonly #indexOf: (host: Host) => number;

  constructor(settings: ClientSettings, indexOf: (host: Host) => number) {
    this.#settings = settings;
    this.#indexOf = indexOf;
    const { ejection, deadlineMs, random, clock, retryBudget, retryThrottle } = settings;
    this.#budget = new RetryBudget({ ...retryBudget, clock });
    this.#throttles = openThrottles({ ...retryThrottle, clock });
    this.#outliers = new OutlierDetection(ejection, deadlineMs / 2, random);
    this.hosts = new HostSet({
      ...settings,
      // Requests wait for a connection that never comes: they are under way, and nothing is sent.
      maxConnections: 0,
      maxQueued: Infinity,
      outliers: this.#outliers,
      note: () => undefined,
    });
  }

  request(stretch: Stretch, serverOf: ServerOf): void {
    const { clock, random, deadlineMs } = this.#settings;
    const startedAt = clock.now();
    const request: SimulatedRequest = {
      stretch,
      startedAt,
      deadlineAt: startedAt + deadlineMs,
      tried: [],
      running: new Map(),
      backoff: new Backoff({ initialMs: 25, maxMs: 250, random }),
      timers: new Set(),
      attempts: 0,
      isOver: false,
    };
    stretch.requests += 1;
    this.#budget.deposit();
    this.#later(request, deadlineMs, () => {
      for (const giveUp of [...request.running.keys()]) giveUp('timeout');
      this.#finish(request, false);
    });
    this.#ask(request, serverOf);
  }

  /** `throttle` is where the attempt took a token. */
  #ask(request: SimulatedRequest, serverOf: ServerOf, throttle?: RetryThrottle): void {
    const { clock } = this.#settings;
    const host = this.hosts.pick(request.tried);
    if (host === undefined) {
      if (request.running.size === 0) this.#finish(request, false);
      return;
    }
    const index = this.#indexOf(host);
    const server = serverOf(index);
    if (server === undefined) throw new Error(`there is no server ${index}`);
    request.tried.push(host);
    request.attempts += 1;
    const place = request.attempts;
    const { attempts } = request.stretch;
    attempts.set(index, (attempts.get(index) ?? 0) + 1);
    const beganAt = clock.now();
    const { typicalMs } = this.hosts;
    this.hosts.begin(host);
    const release = holdRequest(host);
    const end = (outcome: AttemptOutcome) => {
      request.running.delete(end);
      giveUp();
      release();
      const what = outcome === 'ok' ? '' : outcome;
      if (outcome === 'ok' && !request.isOver) throttle?.giveBack();
      const durationMs = clock.now() - beganAt;
      this.hosts.finish(host, { outcome, durationMs, typicalMs, pauseMs: 0, what });
      if (!request.isOver && outcome !== 'timeout') this.#ended(request, outcome, place, serverOf);
    };
    const giveUp = server.serve(end);
    request.running.set(end, place);
    this.#waitFor(request, serverOf);
  }

  /** Asks another host beside those under way when it gets late. */
  #waitFor(request: SimulatedRequest, serverOf: ServerOf): void {
    const remainingMs = request.deadlineAt - this.#settings.clock.now();
    const { patience } = this.#settings;
    const waitMs = patienceMs(patience, remainingMs, this.#outliers.latencies);
    const before = request.attempts;
    this.#later(request, waitMs, () => {
      if (request.running.size === 0 || request.attempts !== before) return;
      if (this.#mayAsk(request, 'hedge')) this.#ask(request, serverOf, this.#throttles.hedge);
      else this.#waitFor(request, serverOf);
    });
  }

  #ended(
    request: SimulatedRequest,
    outcome: AttemptOutcome,
    place: number,
    serverOf: ServerOf,
  ): void {
    if (retryAfter(outcome) === 'never') this.#finish(request, outcome === 'ok', place);
    else if (request.running.size === 0) {
      if (!this.#mayAsk(request, 'retry')) this.#finish(request, false);
      else {
        const remainingMs = request.deadlineAt - this.#settings.clock.now();
        this.#later(request, request.backoff.next(remainingMs), () => {
          this.#ask(request, serverOf, this.#throttles.retry);
        });
      }
    }
  }

  #mayAsk({ attempts, tried }: SimulatedRequest, kind: keyof RetryThrottles): boolean {
    if (attempts >= this.#settings.maxAttempts || !this.hosts.hasOther(tried)) return false;
    return payRetry(this.#budget, this.#throttles[kind]);
  }

  /** `place`: of the attempt that was answered. */
  #finish(request: SimulatedRequest, isOk: boolean, place = 0): void {
    if (request.isOver) return;
    request.isOver = true;
    // One that began after it had less time.
    for (const [giveUp, other] of [...request.running]) giveUp(other > place ? 'local' : 'outrun');
    for (const cancel of request.timers) cancel();
    const now = this.#settings.clock.now();
    const { stretch } = request;
    if (isOk) {
      stretch.latenciesMs.push(now - request.startedAt);
      stretch.answeredAt.push(now);
    } else {
      stretch.failed += 1;
      stretch.lastFailureAt = now;
    }
  }

  #later(request: SimulatedRequest, delayMs: number, callback: () => void): void {
    const cancel = this.#settings.clock.schedule(delayMs, () => {
      request.timers.delete(cancel);
      if (!request.isOver) callback();
    });
    request.timers.add(cancel);
  }
}
