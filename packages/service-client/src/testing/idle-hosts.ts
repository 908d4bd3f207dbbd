import { createInstance, type Instance } from '@movies/discovery';
import { ManualClock } from '@movies/time/testing';
import type { AttemptOutcome } from '../attempt';
import { clientSettings, type ClientOptions } from '../client-options';
import { OutlierDetection } from '../health/outlier-detection';
import type { Host } from '../host';
import { HostSet, type HostSetOptions } from '../host-set';
import type { ClientEvent } from '../client-events';
import { holdRequest } from './held-request';

/** An instance at an address where nothing is ever sent. */
export function instanceOf(id: string, fields: Partial<Instance> = {}): Instance {
  return createInstance({ id, service: 'movies', host: '192.0.2.1', port: 80, ...fields });
}

/** A host set on a manual clock, whose hosts are picked, hold requests and finish attempts, and are never sent anything. */
export class IdleHosts {
  readonly clock = new ManualClock();
  readonly events: Omit<ClientEvent, 'at'>[] = [];
  readonly set: HostSet;

  /** `policies` take the place of those that follow from the options. */
  constructor(
    options: Omit<ClientOptions, 'clock'> = {},
    policies: Partial<Pick<HostSetOptions, 'zones' | 'outliers'>> = {},
  ) {
    const settings = clientSettings({ random: () => 0.5, ...options, clock: this.clock });
    const outliers = new OutlierDetection(
      settings.ejection,
      settings.deadlineMs / 2,
      settings.random,
    );
    this.set = new HostSet({
      ...settings,
      maxConnections: 0,
      outliers,
      ...policies,
      note: (event) => this.events.push(event),
    });
  }

  /** The host of this id. */
  host(id: string): Host {
    const host = this.set.hosts.find(({ instance }) => instance.id === id);
    if (host === undefined) throw new Error(`there is no host '${id}'`);
    return host;
  }

  /** A request is under way at this host until the returned function is called. */
  hold(host: Host): () => void {
    return holdRequest(host);
  }

  /** One attempt at this host, which ends like this after `durationMs`; time does not move. */
  attempt(host: Host, outcome: AttemptOutcome, durationMs = 1, pauseMs = 0): void {
    this.set.begin(host);
    this.set.finish(host, { outcome, durationMs, pauseMs, what: outcome === 'ok' ? '' : outcome });
  }
}
