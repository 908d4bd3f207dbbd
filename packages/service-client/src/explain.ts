import { formatAddress, type Instance, type InstanceState, type View } from '@movies/discovery';
import type { Balancer } from './balancer/balancer';
import type { ClientEvent } from './client-events';
import type { Host } from './host';

/** One instance, as a client sees it at this moment. */
export interface HostExplanation {
  readonly instance: Instance;
  readonly address: string;
  readonly state: InstanceState;
  /** `in`: it gets requests; `out`: it is ejected until `ejectedUntil`; `probing`: it gets one request at a time. */
  readonly health: 'in' | 'out' | 'probing';
  /** Milliseconds since the epoch; absent unless it is out. */
  readonly ejectedUntil?: number;
  /** What a request costs there, compared with the others; absent if the balancer knows no costs. */
  readonly score?: number;
  readonly weight: number;
  readonly inFlight: number;
  /** Time of the last response in milliseconds; absent before the first one. */
  readonly latencyMs?: number;
  /** The last attempt that failed: when, in milliseconds since the epoch, and how. */
  readonly lastFailure?: { readonly at: number; readonly what: string };
}

/** Why a client does what it does. */
export interface ClientExplanation {
  readonly service: string;
  /** Whether the set is known. */
  readonly view: View['state'];
  readonly hosts: readonly HostExplanation[];
  /** The last 200, oldest first. */
  readonly events: readonly ClientEvent[];
}

export function explainHost(host: Host, balancer: Balancer, now: number): HostExplanation {
  const { instance, weight, inFlight, lastFailure, latencyMs } = host;
  const health = host.health.state(now);
  const score = balancer.score?.(host, now);
  return {
    instance,
    address: formatAddress(instance),
    state: instance.state,
    health: health.kind,
    ...(health.kind === 'out' && { ejectedUntil: health.until }),
    ...(score !== undefined && { score }),
    weight,
    inFlight,
    ...(latencyMs !== undefined && { latencyMs }),
    ...(lastFailure !== undefined && { lastFailure }),
  };
}
