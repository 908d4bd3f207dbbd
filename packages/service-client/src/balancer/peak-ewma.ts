import type { Random } from '@movies/time';
import { drawTwo, isBetter, type AttemptEnd, type Balancer, type Candidate } from './balancer';

export interface PeakEwmaOptions {
  /** Hosts that answer faster are equally fast: the noise of a network does not decide. 2 ms by default. */
  readonly floorMs?: number;
  /** The least that a failure counts as, so that a host that fails fast does not draw requests. 1,000 ms by default. */
  readonly failureMs?: number;
  /**
   * After so many lost comparisons an idle host gets one request in spite of its estimate. It bounds what exploring
   * costs: of five and more hosts a slow one gets `2 / hosts / maxLosses` of the requests, of fewer as much as of five.
   * 48 by default.
   */
  readonly maxLosses?: number;
}

/** What peak EWMA keeps of one host. */
export interface HostLatency {
  /** Estimate in milliseconds; `undefined` until the first attempt has ended. */
  estimateMs: number | undefined;
  /** Comparisons lost since the last attempt began. */
  losses: number;
  /** Comparisons that the host loses before it is explored. */
  lossesToExplore: number;
}

/** Part of the way that the estimate goes up with each slower response. */
const rise = 0.3;
/** The estimate falls by this power of the ratio: from 100 ms to 2 ms in four responses. */
const fall = 0.7;
/** The first exploration comes early: the first response of a process is often its slowest. */
const firstLosses = 8;
/** A response that is so many times slower or faster than the estimate makes the next exploration come soon. */
const slowSurprise = 2;
const fastSurprise = 4;
/** The times that count: without an upper bound a host that once took for ever would never be known again. */
const leastMs = 0.1;
const mostMs = 3_600_000;
/** Estimates that differ by less are the same, or a light host that is as fast as a heavy one would wait for ever. */
const alike = 1.25;
/** A host of fewer is in so many comparisons that it is explored after more of them. */
const fewHosts = 5;
/** An idle host without an estimate gets one attempt; others wait until it has ended. */
const unknownMs = 1000;

/**
 * Power of two choices on load and latency: of two hosts drawn at random the one with the lower product of estimated
 * latency and attempts under way (after Finagle's peak EWMA). A host that loses is explored by single requests: soon
 * after a response that did not fit the estimate, and less and less often while responses confirm it. Exploring goes by
 * comparisons and not by time, so that its share does not depend on the load.
 */
export class PeakEwma implements Balancer<HostLatency> {
  readonly #floorMs: number;
  readonly #failureMs: number;
  readonly #maxLosses: number;

  constructor({ floorMs = 2, failureMs = 1000, maxLosses = 48 }: PeakEwmaOptions = {}) {
    this.#floorMs = floorMs;
    this.#failureMs = failureMs;
    this.#maxLosses = maxLosses;
  }

  state(): HostLatency {
    return { estimateMs: undefined, losses: 0, lossesToExplore: firstLosses };
  }

  pick(hosts: readonly Candidate<HostLatency>[], random: Random): number {
    const [i, j] = drawTwo(hosts.length, random);
    const [a, b] = [hosts[i], hosts[j]];
    if (a === undefined || b === undefined || a === b) return i;
    const patience = Math.max(1, fewHosts / hosts.length);
    let costA = this.#cost(a, patience);
    let costB = this.#cost(b, patience);
    if (areAlike(costA / (a.inFlight + 1), costB / (b.inFlight + 1))) {
      costA = a.inFlight + 1;
      costB = b.inFlight + 1;
    }
    const aWins = isBetter(a, costA, b, costB);
    (aWins ? b : a).state.losses += 1;
    return aWins ? i : j;
  }

  started({ state }: Candidate<HostLatency>): void {
    state.losses = 0;
  }

  ended({ state }: Candidate<HostLatency>, end: AttemptEnd): void {
    const { kind, durationMs } = end;
    const known = state.estimateMs;
    // On a clock that does not show the time it took, a response has a ratio too.
    const tookMs = Math.max(leastMs, kind === 'failed' ? this.#failureMs : 0, durationMs);
    const sample = Math.min(mostMs, tookMs);
    if (known === undefined) {
      // What was given up shows no time; what had no time shows nothing.
      const leastKnownMs = kind === 'unanswered' ? unknownMs : leastMs;
      if (kind !== 'unanswered' || durationMs > 0)
        state.estimateMs = Math.max(leastKnownMs, sample);
    } else if (sample > known) {
      state.estimateMs = known + (sample - known) * rise;
      this.#exploreNext(state, sample > known * slowSurprise ? firstLosses : undefined);
    } else if (kind !== 'unanswered') {
      state.estimateMs = known * (sample / known) ** fall;
      this.#exploreNext(state, sample < known / fastSurprise ? 1 : undefined);
    }
  }

  score(host: Candidate<HostLatency>): number {
    return this.#cost(host, 1);
  }

  /** Estimated latency for each attempt under way and the next one; 0 for a host that is to be explored. */
  #cost({ state, inFlight }: Candidate<HostLatency>, patience: number): number {
    const { estimateMs, losses, lossesToExplore } = state;
    if (estimateMs === undefined) return unknownMs * inFlight;
    // Soon is soon among few hosts too.
    const rest = Math.max(0, lossesToExplore - firstLosses) * (patience - 1);
    if (inFlight === 0 && losses >= lossesToExplore + rest) return 0;
    return Math.max(this.#floorMs, estimateMs) * (inFlight + 1);
  }

  /** After a surprise soon; otherwise after twice as many lost comparisons as the last time. */
  #exploreNext(state: HostLatency, soon: number | undefined): void {
    state.lossesToExplore = Math.min(this.#maxLosses, soon ?? state.lossesToExplore * 2);
  }
}

function areAlike(a: number, b: number): boolean {
  return a <= b * alike && b <= a * alike;
}
