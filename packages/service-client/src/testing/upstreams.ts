import { createInstance, type Instance } from '@movies/discovery';
import { ManualClock } from '@movies/time/testing';
import type { AttemptOutcome } from '../attempt';
import type { Upstream, UpstreamOptions } from '../upstream';

/** An instance at an address where nothing is ever sent. */
export function instanceOf(id: string, fields: Partial<Instance> = {}): Instance {
  return createInstance({ id, service: 'movies', host: '192.0.2.1', port: 80, ...fields });
}

/** Options for upstreams that are picked and finished, and never sent anything. */
export function idleOptions(random = () => 0.5): UpstreamOptions & { readonly clock: ManualClock } {
  const clock = new ManualClock();
  return { clock, random, maxConnections: 1, keepAliveMs: 1000, connectTimeoutMs: 1000 };
}

export function attemptAt({ instance }: Upstream, outcome: AttemptOutcome, durationMs = 1) {
  return { instance, outcome, durationMs };
}
