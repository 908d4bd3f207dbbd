import type { Random } from '@movies/time';
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

/** The cheaper for its weight; where nothing but the weight tells them apart, whoever is due. */
function isBetter(a: Upstream, b: Upstream, now: number): boolean {
  const costA = a.cost(now);
  const costB = b.cost(now);
  return costA === costB ? a.claim >= b.claim : costA / a.weight < costB / b.weight;
}
