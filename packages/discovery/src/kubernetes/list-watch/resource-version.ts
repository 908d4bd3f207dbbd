/**
 * Whether `candidate` is newer than `known`. Resource versions are decimal numbers of any length that can
 * be compared within one resource (KEP-5504); of anything else nothing is known, and it counts as newer.
 */
export function isNewer(candidate: string, known: string): boolean {
  if (!/^\d+$/.test(candidate) || !/^\d+$/.test(known)) return candidate !== known;
  return candidate.length === known.length ? candidate > known : candidate.length > known.length;
}

/** Whether `candidate` is certainly older than `known`. */
export function isOlder(candidate: string, known: string): boolean {
  return candidate !== known && !isNewer(candidate, known);
}
