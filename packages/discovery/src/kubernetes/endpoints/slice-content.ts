import { formatAddress } from '../../address';
import { rankOfState } from '../../instance';
import type { Candidate } from './distinct-instances';
import {
  describes,
  readEndpoint,
  stateOf,
  toInstance,
  type EndpointFields,
} from './endpoint-fields';
import type { EndpointSlice, SlicePort } from './endpoint-slice';

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

export interface SliceReading {
  readonly service: string;
  /** The name of the port. */
  readonly port: string;
  /** What the slice was before: a candidate that says the same now stays the same object. */
  readonly before: SliceContent | undefined;
}

/** Reads a slice; what cannot be called is not among its candidates. */
export function readSlice(slice: EndpointSlice, reading: SliceReading): SliceContent {
  const { service, before } = reading;
  const isFqdn = slice.addressType === 'FQDN';
  const endpoints = slice.endpoints ?? [];
  const ports = slice.ports ?? [];
  const port = numberOf(ports, reading.port);
  const candidates = new Map<string, Candidate>();
  let terminated = 0;
  for (const endpoint of endpoints) {
    const state = stateOf(endpoint.conditions);
    if (state === undefined) terminated += 1;
    if (state === undefined || port === undefined || isFqdn) continue;
    const fields = readEndpoint(endpoint, { service, port, state });
    const twin = candidates.get(fields.id)?.instance;
    if (twin !== undefined && rankOfState[twin.state] >= rankOfState[state]) continue;
    const candidate = toCandidate(fields, slice, before?.candidates.get(fields.id));
    if (candidate !== undefined) candidates.set(fields.id, candidate);
  }
  return { isFqdn, candidates, port, ports, endpoints: endpoints.length, terminated };
}

/** By name in each slice: one name may have different numbers in different slices. */
function numberOf(ports: readonly SlicePort[], wanted: string): number | undefined {
  const number = ports.find(({ name }) => (name ?? '') === wanted)?.port ?? 0;
  return Number.isInteger(number) && number > 0 && number <= 65_535 ? number : undefined;
}

function toCandidate(
  fields: EndpointFields,
  { metadata, addressType }: EndpointSlice,
  known: Candidate | undefined,
): Candidate | undefined {
  const isIpv6 = addressType === 'IPv6';
  if (known?.isIpv6 === isIpv6 && describes(known.instance, fields)) return known;
  const instance = toInstance(fields);
  if (instance === undefined) return undefined;
  const isThere = known?.instance.host === fields.host && known.instance.port === fields.port;
  const address = isThere ? known.address : formatAddress(instance);
  return { instance, address, slice: metadata.name, isIpv6 };
}
