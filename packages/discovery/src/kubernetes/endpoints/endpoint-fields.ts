import { isIP } from 'node:net';
import { formatAddress } from '../../address';
import { createInstance, type Instance, type InstanceState } from '../../instance';
import type { EndpointConditions, EndpointHints, SliceEndpoint } from './endpoint-slice';

/** What an endpoint says of an instance: read first, since most of the time the instance is known already. */
export interface EndpointFields {
  readonly id: string;
  readonly service: string;
  readonly host: string;
  readonly port: number;
  readonly state: InstanceState;
  readonly zone: string | undefined;
  readonly pod: string | undefined;
  readonly node: string | undefined;
  readonly hintZones: string | undefined;
  readonly hintNodes: string | undefined;
}

/** `undefined`: it terminates and does not serve, and is never used. */
export function stateOf(conditions: EndpointConditions | null = {}): InstanceState | undefined {
  const ready = conditions?.ready ?? true;
  const serving = conditions?.serving ?? ready;
  if (conditions?.terminating === true) return serving ? 'draining' : undefined;
  // Not by `serving`: a Service that publishes what is not ready means it to be called.
  return ready ? 'ready' : 'not_ready';
}

export function readEndpoint(
  endpoint: SliceEndpoint,
  { service, port, state }: Pick<EndpointFields, 'service' | 'port' | 'state'>,
): EndpointFields {
  const host = endpoint.addresses?.[0] ?? '';
  const { kind, name, uid } = endpoint.targetRef ?? {};
  return {
    // A new pod is a new instance, on an old address and under a StatefulSet's old name too.
    id: name && uid ? `${name}.${uid.slice(0, 8)}` : formatAddress({ host, port }),
    service,
    host,
    port,
    state,
    zone: endpoint.zone ?? undefined,
    pod: kind === 'Pod' ? name : undefined,
    node: endpoint.nodeName ?? undefined,
    hintZones: namesOf(endpoint.hints?.forZones),
    hintNodes: namesOf(endpoint.hints?.forNodes),
  };
}

function namesOf(list: EndpointHints['forZones']): string | undefined {
  return list?.length ? list.map(({ name }) => name).join() : undefined;
}

/** Whether `instance`, which has the same id and was made by `toInstance`, says just this. */
export function describes(instance: Instance, fields: EndpointFields): boolean {
  const { labels } = instance;
  return (
    instance.host === fields.host &&
    instance.port === fields.port &&
    instance.state === fields.state &&
    instance.zone === fields.zone &&
    labels['pod'] === fields.pod &&
    labels['node'] === fields.node &&
    labels['hint-zones'] === fields.hintZones &&
    labels['hint-nodes'] === fields.hintNodes
  );
}

/** `undefined` where there is no IP address, and so nothing to call. */
export function toInstance(fields: EndpointFields): Instance | undefined {
  const { id, service, host, port, state, zone, pod, node, hintZones, hintNodes } = fields;
  if (isIP(host) === 0) return undefined;
  const labels = {
    ...(pod === undefined ? {} : { pod }),
    ...(node === undefined ? {} : { node }),
    ...(hintZones === undefined ? {} : { 'hint-zones': hintZones }),
    ...(hintNodes === undefined ? {} : { 'hint-nodes': hintNodes }),
  };
  const placed = zone === undefined ? {} : { zone };
  return createInstance({ id, service, host, port, state, ...placed, labels });
}
