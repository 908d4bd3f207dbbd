import type { ServiceWatch } from '@movies/discovery';

/** What is not well about a watched set, in words; `undefined` when all is. */
export function discoveryConcern({ service, snapshot, failure }: ServiceWatch): string | undefined {
  if (failure !== undefined) return failure.message;
  if (snapshot?.instances.length !== 0) return undefined;
  return `there is no instance of '${service}': ${snapshot.emptyBecause ?? 'none is registered'}`;
}
