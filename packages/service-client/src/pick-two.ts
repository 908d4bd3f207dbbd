import type { Random } from '@movies/discovery';
import type { Upstream } from './upstream';

/**
 * Power of two choices: of two candidates drawn at random the cheaper one. Almost as good as asking all of
 * them, at a price that does not grow with their number.
 */
export function pickTwo(
  candidates: readonly Upstream[],
  now: number,
  random: Random,
): Upstream | undefined {
  const { length } = candidates;
  if (length < 2) return candidates[0];
  const i = Math.floor(random() * length);
  const j = Math.floor(random() * (length - 1));
  const a = candidates[i];
  const b = candidates[j < i ? j : j + 1];
  if (a === undefined || b === undefined) return a ?? b;
  if (isBetter(a, b, now)) {
    b.lose();
    return a;
  }
  a.lose();
  return b;
}

/** The cheaper for its weight; where costs are equal, whoever is due, and of two that are due the heavier. */
function isBetter(a: Upstream, b: Upstream, now: number): boolean {
  const costA = a.cost(now);
  const costB = b.cost(now);
  if (costA !== costB) return costA / a.weight < costB / b.weight;
  return a.claim === b.claim ? a.weight >= b.weight : a.claim > b.claim;
}
