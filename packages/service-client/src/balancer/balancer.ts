import type { Random } from '@movies/time';

/** One host, as a balancer sees it. `State` is what the balancer itself keeps of it. */
export interface Candidate<State> {
  /** Share of the traffic relative to the other hosts; above 0. */
  readonly weight: number;
  /** Attempts under way. */
  readonly inFlight: number;
  readonly state: State;
}

/** How an attempt ended, as far as it tells something about the time that a host takes. */
export interface AttemptEnd {
  /**
   * `answered`: a response that was worth waiting for. `failed`: none, or one that is worth nothing, however fast it
   * came. `unanswered`: the attempt was given up; a response would have taken longer than `durationMs`.
   */
  readonly kind: 'answered' | 'failed' | 'unanswered';
  /** Milliseconds since the request was handed to a connection. */
  readonly durationMs: number;
}

/**
 * Port: chooses the host of the next attempt. A balancer knows load, weights and what it learned from attempts. It knows
 * nothing of readiness, zones and ejections: a host set offers it only hosts that may be asked. One balancer serves one
 * host set.
 */
export interface Balancer<State = unknown> {
  /** What is kept of a host that joins, or that comes back from an ejection. */
  state(): State;
  /** The index of the host for the next attempt. `hosts` has at least one; `now` is in milliseconds. */
  pick(hosts: readonly Candidate<State>[], random: Random, now: number): number;
  /** An attempt begins; `inFlight` counts it from now on. */
  started?(host: Candidate<State>): void;
  /** An attempt ended; `inFlight` counts it until its connection is free again, which may be a moment later. */
  ended?(host: Candidate<State>, end: AttemptEnd, now: number): void;
  /** What an attempt costs at this host, compared with the others: the lower, the sooner it is picked. */
  score?(host: Candidate<State>, now: number): number;
}

/** Indices of two different hosts, drawn at random; of one host twice the same. */
export function drawTwo(hosts: number, random: Random): readonly [number, number] {
  if (hosts < 2) return [0, 0];
  const i = Math.floor(random() * hosts);
  const j = Math.floor(random() * (hosts - 1));
  return [i, j < i ? j : j + 1];
}

/** A host that counts the comparisons it lost since its last attempt. */
type Losing = Candidate<{ readonly losses: number }>;

/**
 * Whether `a` is the cheaper one for its weight. Where the weight alone tells them apart, the one that is due: the
 * product of weight and lost comparisons decides. A little more than one comparison to begin with, so that of the
 * weights 1 and 3 the lighter one always waits three turns.
 */
export function isBetter(a: Losing, costA: number, b: Losing, costB: number): boolean {
  if (costA !== costB) return costA / a.weight < costB / b.weight;
  return (a.state.losses + 1.01) * a.weight >= (b.state.losses + 1.01) * b.weight;
}
