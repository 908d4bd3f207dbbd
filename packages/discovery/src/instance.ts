import { checkAddress, type Address } from './address';

/**
 * `ready`: send to it. `draining`: it finishes what it has, and takes more only when nothing is ready.
 * `not_ready`: it is known, but does not serve.
 */
export type InstanceState = 'ready' | 'draining' | 'not_ready';

/** Of two that say different things of one instance, the one with the higher rank counts. */
export const rankOfState: Readonly<Record<InstanceState, number>> = {
  ready: 2,
  draining: 1,
  not_ready: 0,
};

/** One running copy of a service, as the registry knows it. Frozen. */
export interface Instance extends Address {
  /** Unique in the service; a new process is a new instance, also on an old address. */
  readonly id: string;
  readonly service: string;
  readonly state: InstanceState;
  readonly zone?: string;
  /** Share of the traffic relative to its peers; above 0, 1 by default. */
  readonly weight: number;
  /** What else the registry tells: version, tags, … */
  readonly labels: Readonly<Record<string, string>>;
}

export type InstanceFields = Pick<Instance, 'id' | 'service' | 'host' | 'port'> & Partial<Instance>;

/** Fills in the defaults, checks the address (`invalid_address`) and freezes. */
export function createInstance(fields: InstanceFields): Instance {
  checkAddress(fields);
  return Object.freeze({
    state: 'ready',
    weight: 1,
    ...fields,
    labels: Object.freeze({ ...fields.labels }),
  });
}

/** Whether two instances say the same in every field. */
export function sameInstance(a: Instance, b: Instance): boolean {
  return (
    a === b ||
    (a.id === b.id &&
      a.service === b.service &&
      a.host === b.host &&
      a.port === b.port &&
      a.state === b.state &&
      a.zone === b.zone &&
      a.weight === b.weight &&
      sameLabels(a.labels, b.labels))
  );
}

function sameLabels(a: Instance['labels'], b: Instance['labels']): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
