import type { Instance } from '@movies/discovery';

/** Anything with an instance: a host. */
export interface Located {
  readonly instance: Instance;
}

/** Which of the hosts may be asked, by where they and this process run. */
export interface ZonePreference {
  /** Of the `healthy` hosts, which are the `usable` ones without those that are ejected. */
  choose<Host extends Located>(healthy: readonly Host[], usable: readonly Host[]): readonly Host[];
}

/** All of them, wherever they run. */
const anyZone: ZonePreference = { choose: (healthy) => healthy };

export function preferZone(zone: string | undefined, node: string | undefined): ZonePreference {
  void zone;
  void node;
  return anyZone;
}
