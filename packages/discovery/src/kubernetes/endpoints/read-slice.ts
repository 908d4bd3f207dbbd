import { isIP } from 'node:net';
import { formatAddress, isAddress, type Address } from '../../address';
import {
  createInstance,
  sameInstance,
  type Instance,
  type InstanceHints,
  type InstanceState,
} from '../../instance';
import { byPreference, type Candidate } from './distinct-instances';
import type {
  EndpointConditions,
  EndpointHints,
  EndpointSlice,
  SliceEndpoint,
  SlicePort,
} from './endpoint-slice';

/** What is kept of one slice. */
export interface SliceContent {
  readonly isFqdn: boolean;
  /** What can be called, by id. */
  readonly candidates: ReadonlyMap<string, Candidate>;
  /** The number of the wanted port in this slice; `undefined` if it has none. */
  readonly port: number | undefined;
  readonly ports: readonly SlicePort[];
  /** How many endpoints it has, whatever their state. */
  readonly endpoints: number;
  /** How many of them terminate and do not serve. */
  readonly terminated: number;
}

/** What a slice is read for. */
export interface SliceReading {
  readonly service: string;
  /** The name of the port, or the number that it has in the pods; '' is the unnamed one. */
  readonly port: string;
  /** What the slice was before: a candidate that says the same now stays the same object. */
  readonly before: SliceContent | undefined;
}

/** Reads a slice; what cannot be called is not among its candidates. */
export function readSlice(slice: EndpointSlice, reading: SliceReading): SliceContent {
  const isFqdn = slice.addressType === 'FQDN';
  const endpoints = slice.endpoints ?? [];
  const ports = slice.ports ?? [];
  const port = numberOf(ports, reading.port);
  const candidates = new Map<string, Candidate>();
  let terminated = 0;
  for (const endpoint of endpoints) {
    const state = stateOf(endpoint.conditions);
    if (state === undefined) terminated += 1;
    const host = endpoint.addresses?.[0] ?? '';
    if (state === undefined || port === undefined || isFqdn || host === '') continue;
    const id = idOf(endpoint, { host, port });
    const instance = describe(endpoint, { id, service: reading.service, host, port, state });
    const known = reading.before?.candidates.get(id);
    const isKnown = known !== undefined && sameInstance(known.instance, instance);
    if (!isKnown && !(isIP(host) !== 0 && isAddress(instance))) continue;
    const candidate = isKnown ? known : toCandidate(instance, slice.metadata.name);
    const twin = candidates.get(id);
    if (twin === undefined || byPreference(candidate, twin) < 0) candidates.set(id, candidate);
  }
  return { isFqdn, candidates, port, ports, endpoints: endpoints.length, terminated };
}

function toCandidate(instance: Instance, slice: string): Candidate {
  return { instance: createInstance(instance), address: formatAddress(instance), slice };
}

/**
 * By name in each slice: one name may have different numbers in different slices. A number is no name
 * (RFC 6335, 5.1): it is that of the pods, since slices do not tell that of the Service.
 */
function numberOf(ports: readonly SlicePort[], wanted: string): number | undefined {
  const number = /^\d+$/.test(wanted)
    ? (ports.find(({ port }) => port === Number(wanted))?.port ?? 0)
    : (ports.find(({ name }) => (name ?? '') === wanted)?.port ?? 0);
  return Number.isInteger(number) && number > 0 && number <= 65_535 ? number : undefined;
}

/** `undefined`: it terminates and does not serve, and is never used. */
function stateOf(conditions: EndpointConditions | null = {}): InstanceState | undefined {
  const ready = conditions?.ready ?? true;
  const serving = conditions?.serving ?? ready;
  if (conditions?.terminating === true) return serving ? 'draining' : undefined;
  // Not by `serving`: a Service that publishes what is not ready means it to be called.
  return ready ? 'ready' : 'not_ready';
}

/** A new pod is a new instance, on an old address and under a StatefulSet's old name too. */
function idOf({ targetRef }: SliceEndpoint, address: Address): string {
  const { name, uid } = targetRef ?? {};
  return name && uid ? `${name}.${uid.slice(0, 8)}` : formatAddress(address);
}

/** Not checked and not frozen yet, since most of the time the instance is known already. */
function describe(
  { targetRef, nodeName, zone, hints }: SliceEndpoint,
  fields: Pick<Instance, 'id' | 'service' | 'host' | 'port' | 'state'>,
): Instance {
  const { kind, name: pod } = targetRef ?? {};
  const read = hints ? readHints(hints) : undefined;
  const labels: Record<string, string> = {};
  if (kind === 'Pod' && pod) labels['pod'] = pod;
  if (nodeName) labels['node'] = nodeName;
  return {
    ...fields,
    ...(zone ? { zone } : {}),
    ...(read === undefined ? {} : { hints: read }),
    weight: 1,
    tags: [],
    labels,
  };
}

function readHints({ forZones, forNodes }: EndpointHints): InstanceHints | undefined {
  const zones = forZones?.map(({ name }) => name) ?? [];
  const nodes = forNodes?.map(({ name }) => name) ?? [];
  if (zones.length === 0 && nodes.length === 0) return undefined;
  return {
    ...(zones.length === 0 ? {} : { zones }),
    ...(nodes.length === 0 ? {} : { nodes }),
  };
}
