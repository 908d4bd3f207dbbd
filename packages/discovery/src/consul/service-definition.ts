import type { Instance, InstanceState } from '../instance';

const ttlMs = 10_000;
/** Consul refuses less than a minute, and looks every 30 s. */
const deregisterCriticalAfter = '5m';
const maxWeight = 65_535;

/** Id of the check that the beats are for. */
export function checkIdOf({ id }: Instance): string {
  return `service:${id}`;
}

/** Consul has three states, and sends requests to a service unless it is critical. */
export function statusOf(state: InstanceState): 'passing' | 'critical' {
  return state === 'ready' ? 'passing' : 'critical';
}

/**
 * Body of `PUT /v1/agent/service/register` (https://developer.hashicorp.com/consul/api-docs/agent/service): a service
 * with a TTL check. The tags are the instance's and no others, since programs like Traefik act on them; zone and labels
 * are meta. Consul takes at most 64 pairs of meta, with keys of 128 letters, digits, - and _, and values of 512
 * characters, and refuses others by name. A weight is a whole number from 1 to 65,535 there, and is rounded to one.
 */
export function serviceDefinition(instance: Instance, state: InstanceState): unknown {
  const { id, service, host, port, zone, weight, tags, labels } = instance;
  return {
    ID: id,
    Name: service,
    Address: host,
    Port: port,
    Tags: tags,
    Meta: { ...labels, ...(zone === undefined ? {} : { zone }) },
    Weights: { Passing: Math.min(maxWeight, Math.max(1, Math.round(weight))), Warning: 1 },
    Check: {
      CheckID: checkIdOf(instance),
      Name: `${service} says it is ready`,
      TTL: `${ttlMs}ms`,
      Status: statusOf(state),
      DeregisterCriticalServiceAfter: deregisterCriticalAfter,
    },
  };
}
