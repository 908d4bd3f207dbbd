import type { Random } from '@movies/time';
import type { AttemptOutcome } from '../attempt';
import { LatencyHistogram } from '../latency-histogram';
import { SlidingCount } from '../sliding-count';
import { HostHealth, recentMs } from './host-health';

export interface EjectionOptions {
  /** So many failures without a success in between eject. 5 by default. */
  readonly failuresInRow: number;
  /** The time over which calls and failures are counted, in milliseconds. 10,000 by default. */
  readonly windowMs: number;
  /** From so many calls in the window on, the share of failures counts. 20 by default. */
  readonly minimumCalls: number;
  /** The share of failures that ejects. 0.5 by default. */
  readonly failureRate: number;
  /** First ejection for failures, in milliseconds; it grows by as much with each further one. 30,000 by default. */
  readonly failedMs: number;
  /** The longest ejection for failures, in milliseconds. 300,000 by default. */
  readonly maxFailedMs: number;
  /** First ejection for a refused connection, in milliseconds; it doubles with each further one. 1,000 by default. */
  readonly refusedMs: number;
  /** The longest ejection for a refused connection, in milliseconds. 30,000 by default. */
  readonly maxRefusedMs: number;
  /** Share of the usable instances that may be out at once; of two it is one, never the last one. 0 ejects none; 0.5 by default. */
  readonly maxShare: number;
}

export const ejectionDefaults: EjectionOptions = {
  failuresInRow: 5,
  windowMs: 10_000,
  minimumCalls: 20,
  failureRate: 0.5,
  failedMs: 30_000,
  maxFailedMs: 300_000,
  refusedMs: 1000,
  maxRefusedMs: 30_000,
  maxShare: 0.5,
};

/** Ejections that begin at the same moment do not all end at the same one. */
const jitter = 0.2;
const generalCalls = 10;
const generalRate = 0.5;
/** A failure is not general while more than this share of the hosts serves well. */
const generalWellShare = 0.25;
/** Whether a failure is general takes a walk over the hosts, and so is asked only so often. */
const generalCheckMs = 100;
/** With fewer calls to a host, or to its peers, nothing can be compared. */
const comparableCalls = 5;
/** A row of failures is the host's own if its peers fail so long a row less often than this. */
const chance = 0.001;
/** Shorter times are the noise of a network. */
const leastTypicalMs = 2;
/** Attempts without a response count if they waited so many times longer than a response takes as a rule. */
const lateFactors: Partial<Record<AttemptOutcome, number>> = {
  timeout: 10,
  aborted: 10,
  outrun: 3,
};

/** What an outcome says of the host: `late` depends on how long was waited. */
const verdicts: Record<AttemptOutcome, 'good' | 'bad' | 'dead' | 'late' | 'nothing'> = {
  ok: 'good',
  failed: 'bad',
  unavailable: 'bad',
  reset: 'bad',
  bad_response: 'bad',
  refused: 'dead',
  timeout: 'late',
  aborted: 'late',
  outrun: 'late',
  // It is there, and says so itself.
  overloaded: 'nothing',
  // The limit and the shortage are this process's.
  too_large: 'nothing',
  local: 'nothing',
};

export interface HealthEnd {
  readonly outcome: AttemptOutcome;
  /** Milliseconds that the host had for a response. */
  readonly durationMs: number;
  /** What responses of all hosts took when the attempt began, in milliseconds; 0 by default. */
  readonly typicalMs?: number;
  /** It was recorded as a success before: the response broke off after its head. */
  readonly wasGood?: boolean;
}

/** A host as this sees it. */
export interface Monitored {
  readonly health: HostHealth;
}

/** `ejected`, `returned`: this host; `readmit`: those that are out are as good as the others. */
export type HealthChange = 'ejected' | 'returned' | 'readmit' | undefined;

/**
 * Decides which hosts of a set are ejected (after gRFC A50 and Envoy's outlier detection, for sets of two and more). A
 * host is ejected if it fails often, and clearly more often than its peers: what fails everywhere alike is the
 * request, the network or this process. When the hosts that are in fail as well, those that are out come back.
 */
export class OutlierDetection {
  readonly #options: EjectionOptions;
  readonly #random: Random;
  readonly #fairMs: number;
  readonly #calls: SlidingCount;
  readonly #failures: SlidingCount;
  /** Of hosts that are in, since the last ejection. */
  readonly #callsIn = new SlidingCount(recentMs);
  readonly #failuresIn = new SlidingCount(recentMs);
  readonly #latencies = new LatencyHistogram();
  #isGeneral = false;
  #generalCheckedAt = 0;

  /** `fairMs`: after so long a host should have answered, whatever its peers take. */
  constructor(options: EjectionOptions, fairMs: number, random: Random) {
    this.#options = options;
    this.#fairMs = fairMs;
    this.#random = random;
    this.#calls = new SlidingCount(options.windowMs);
    this.#failures = new SlidingCount(options.windowMs);
  }

  /** Times of the good responses of all hosts. */
  get latencies(): LatencyHistogram {
    return this.#latencies;
  }

  /** What half of the good responses of late took at the most, in milliseconds; 0 while that is not known. */
  get typicalMs(): number {
    return this.#latencies.medianMs;
  }

  /** The health of a host that joins. */
  health(): HostHealth {
    return new HostHealth(this.#options.windowMs);
  }

  /** Notes how an attempt at one of the usable hosts ended, and ejects it if that was too much. */
  record(
    host: HostHealth,
    end: HealthEnd,
    now: number,
    usable: readonly Monitored[],
  ): HealthChange {
    const verdict = this.#verdict(host, end, now);
    if (verdict === 'nothing') return undefined;
    const { kind } = host.state(now);
    host.forgive(now, this.#options.failedMs);
    if (end.wasGood !== true) {
      this.#calls.add(now);
      if (kind !== 'out') this.#callsIn.add(now);
    }
    if (verdict === 'good') {
      this.#latencies.add(end.durationMs);
      host.succeed(now, now - end.durationMs);
      return kind === 'in' ? undefined : 'returned';
    }
    this.#failures.add(now);
    if (kind !== 'out') this.#failuresIn.add(now);
    if (end.wasGood === true) host.breakOff(now);
    else host.fail(now);
    if (this.#failsEverywhere(usable, now)) return 'readmit';
    const isEjected =
      kind !== 'out' &&
      (verdict === 'dead' || this.#isOutlier(host, usable, now)) &&
      this.#hasRoom(usable, now);
    if (!isEjected) return undefined;
    host.eject(now, end.outcome, (ejections) => this.#ejectionMs(verdict, ejections));
    this.#callsIn.clear();
    this.#failuresIn.clear();
    return 'ejected';
  }

  /** Ends an ejection and forgets what the host did; otherwise that would count as done by its peers from now on. */
  readmit(host: HostHealth, now: number): void {
    this.#calls.subtract(host.calls, now);
    this.#failures.subtract(host.failures, now);
    host.readmit();
  }

  #verdict(host: HostHealth, { outcome, durationMs, typicalMs = 0 }: HealthEnd, now: number) {
    const verdict = verdicts[outcome];
    if (verdict !== 'late') return verdict;
    const successes = this.#calls.sum(now) - this.#failures.sum(now);
    const ownSuccesses = host.calls.sum(now) - host.failures.sum(now);
    // Without a peer that answers, the silence may be the request's.
    if (successes <= ownSuccesses || this.typicalMs === 0) return 'nothing';
    // A later request was answered: this one tells of a time that is over, or of itself.
    if (outcome !== 'timeout' && host.goodSince > now - durationMs) return 'nothing';
    const expectedMs = Math.max(leastTypicalMs, typicalMs, this.typicalMs);
    const lateMs = expectedMs * (lateFactors[outcome] ?? 1);
    const limitMs = outcome === 'timeout' ? Math.min(lateMs, this.#fairMs) : lateMs;
    return durationMs >= limitMs ? 'bad' : 'nothing';
  }

  /** Whether it fails often, and clearly more often than its peers. */
  #isOutlier(host: HostHealth, usable: readonly Monitored[], now: number): boolean {
    const { failuresInRow, minimumCalls, failureRate } = this.#options;
    const isProbing = host.state(now).kind === 'probing';
    const calls = host.calls.sum(now);
    const failures = host.failures.sum(now);
    const rate = failures / calls;
    const isTooOften = calls >= minimumCalls && rate >= failureRate;
    if (!isProbing && !isTooOften && host.inRow < failuresInRow) return false;
    const peerRate = Math.max(
      rateOf(this.#failures.sum(now) - failures, this.#calls.sum(now) - calls),
      recentRate(usable, host, now),
    );
    if (isProbing) return peerRate < 0.5;
    const isRow = host.inRow >= failuresInRow && peerRate ** host.inRow < chance;
    return isRow || (isTooOften && peerRate < rate / 2);
  }

  /** Whether the hosts that are in fail most of their calls, and hardly any of them serves well. */
  #failsEverywhere(usable: readonly Monitored[], now: number): boolean {
    const calls = this.#callsIn.sum(now);
    if (calls < generalCalls || this.#failuresIn.sum(now) < calls * generalRate) return false;
    if (now - this.#generalCheckedAt >= generalCheckMs || now < this.#generalCheckedAt) {
      this.#generalCheckedAt = now;
      this.#isGeneral = isGeneral(usable, now);
    }
    return this.#isGeneral;
  }

  /** At most the share, of two and three hosts one, and never the last one. */
  #hasRoom(usable: readonly Monitored[], now: number): boolean {
    const { maxShare } = this.#options;
    const out = usable.filter(({ health }) => health.state(now).kind === 'out').length + 1;
    const most = maxShare <= 0 ? 0 : Math.max(1, Math.floor(usable.length * maxShare));
    return out <= most && out < usable.length;
  }

  #ejectionMs(verdict: 'bad' | 'dead', ejections: number): number {
    const { failedMs, maxFailedMs, refusedMs, maxRefusedMs } = this.#options;
    const spread = 1 + jitter * (2 * this.#random() - 1);
    return verdict === 'dead'
      ? Math.min(maxRefusedMs, refusedMs * 2 ** (ejections - 1)) * spread
      : Math.min(maxFailedMs, failedMs * ejections) * spread;
  }
}

/** The share of failures; 0 where too few calls say anything. */
function rateOf(failures: number, calls: number): number {
  return calls < comparableCalls ? 0 : failures / calls;
}

/** The share of failures of the others within the last two seconds. */
function recentRate(usable: readonly Monitored[], host: HostHealth, now: number): number {
  let calls = 0;
  let failures = 0;
  for (const { health } of usable) {
    if (health === host) continue;
    calls += health.recentCalls.sum(now);
    failures += health.recentFailures.sum(now);
  }
  return rateOf(failures, calls);
}

function isGeneral(usable: readonly Monitored[], now: number): boolean {
  let known = 0;
  let well = 0;
  for (const { health } of usable) {
    const calls = health.recentCalls.sum(now);
    if (health.state(now).kind === 'out' || calls === 0) continue;
    known += 1;
    if (health.recentFailures.sum(now) < calls * generalRate) well += 1;
  }
  return well <= known * generalWellShare;
}
