import type { Instance } from '@movies/discovery';

/** Anything with an instance: a host. */
export interface Located {
  readonly instance: Instance;
}

/** Hosts that get this share of the attempts, together. */
export interface HostGroup<Host> {
  readonly hosts: readonly Host[];
  readonly share: number;
}

/** Which of the hosts are asked, by where they and this process run. */
export interface ZonePreference {
  /**
   * Groups of the `healthy` hosts, which are the `usable` ones without those that are ejected. Their shares add up to 1.
   * None: all healthy hosts alike.
   */
  groups<Host extends Located>(
    healthy: readonly Host[],
    usable: readonly Host[],
  ): readonly HostGroup<Host>[];
}

const anywhere: ZonePreference = { groups: () => [] };

/**
 * Prefers the hosts whose hints name this node, then those whose hints name this zone; both as kube-proxy reads hints.
 * Hints count only if every usable host has some. Without hints, a zone serves its own callers as far as its share of the
 * capacity goes, and the zones that have more than their callers need get the rest. Callers are taken to be spread evenly
 * over the zones that have hosts, and capacity is the sum of weights. Where less than half of the preferred hosts is healthy,
 * there is no preference.
 */
export function preferZone(zone: string | undefined, node: string | undefined): ZonePreference {
  if (zone === undefined && node === undefined) return anywhere;
  return {
    groups: (healthy, usable) =>
      byHints('nodes', node, healthy, usable) ??
      byHints('zones', zone, healthy, usable) ??
      byCapacity(zone, healthy, usable) ??
      [],
  };
}

/** `undefined` if the hints cannot be followed. */
function byHints<Host extends Located>(
  kind: 'nodes' | 'zones',
  name: string | undefined,
  healthy: readonly Host[],
  usable: readonly Host[],
): readonly HostGroup<Host>[] | undefined {
  if (name === undefined || !usable.every((host) => hasHints(host, kind))) return undefined;
  const isMeant = ({ instance }: Host) => instance.hints?.[kind]?.includes(name) === true;
  const hosts = healthy.filter(isMeant);
  return isEnough(hosts, usable.filter(isMeant)) ? [{ hosts, share: 1 }] : undefined;
}

/** Those of hosts that are not ready count for nothing. */
function hasHints({ instance: { state, hints } }: Located, kind: 'nodes' | 'zones'): boolean {
  return state === 'ready' && (hints?.[kind]?.length ?? 0) > 0;
}

/** `undefined` if this zone cannot be preferred. */
function byCapacity<Host extends Located>(
  zone: string | undefined,
  healthy: readonly Host[],
  usable: readonly Host[],
): readonly HostGroup<Host>[] | undefined {
  if (zone === undefined) return undefined;
  const usableByZone = byZone(usable);
  const healthyByZone = byZone(healthy);
  const own = healthyByZone.get(zone) ?? [];
  if (!isEnough(own, usableByZone.get(zone) ?? [])) return undefined;
  // There are no callers in the zone that hosts without one form.
  usableByZone.delete(undefined);
  const zones = usableByZone.size;
  const total = weightOf(healthy);
  const served = (weightOf(own) * zones) / total;
  if (served >= 1) return [{ hosts: own, share: 1 }];
  healthyByZone.delete(zone);
  const spare = [...healthyByZone].map(([name, hosts]) => ({
    hosts,
    weight: Math.max(0, weightOf(hosts) - (name === undefined ? 0 : total / zones)),
  }));
  const allSpare = spare.reduce((sum, { weight }) => sum + weight, 0);
  const rest = spare
    .filter(({ weight }) => weight > 0)
    .map(({ hosts, weight }) => ({ hosts, share: ((1 - served) * weight) / allSpare }));
  return [{ hosts: own, share: served }, ...rest];
}

function isEnough(healthy: readonly Located[], usable: readonly Located[]): boolean {
  return healthy.length > 0 && healthy.length * 2 >= usable.length;
}

function byZone<Host extends Located>(hosts: readonly Host[]): Map<string | undefined, Host[]> {
  const zones = new Map<string | undefined, Host[]>();
  for (const host of hosts) {
    const { zone } = host.instance;
    const known = zones.get(zone);
    if (known === undefined) zones.set(zone, [host]);
    else known.push(host);
  }
  return zones;
}

function weightOf(hosts: readonly Located[]): number {
  return hosts.reduce((sum, { instance }) => sum + instance.weight, 0);
}
