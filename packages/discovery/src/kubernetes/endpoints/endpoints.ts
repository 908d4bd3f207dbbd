import type { KubeObject } from '../list-watch/list-watch';
import {
  checkList,
  type EndpointSlice,
  type EndpointTarget,
  type SliceEndpoint,
  type SlicePort,
} from './endpoint-slice';

/**
 * `core/v1` Endpoints, the older form of the same, as far as it is read here: one object a Service, cut at 1,000
 * addresses, without a word on what terminates.
 */
export interface Endpoints extends KubeObject {
  readonly subsets?: readonly EndpointSubset[] | null;
}

export interface EndpointSubset {
  /** Ready. */
  readonly addresses?: readonly EndpointAddress[] | null;
  readonly notReadyAddresses?: readonly EndpointAddress[] | null;
  readonly ports?: readonly SlicePort[] | null;
}

export interface EndpointAddress {
  readonly ip: string;
  readonly nodeName?: string | null;
  readonly targetRef?: EndpointTarget | null;
}

/** At least one: there is such a Service. All have the name of the object. */
export type SlicesOfObject = readonly [EndpointSlice, ...EndpointSlice[]];

/** The slices that say the same, one a subset; one without endpoints where there is no subset. */
export function slicesOfEndpoints({ metadata, subsets }: Endpoints): SlicesOfObject {
  const [first = {}, ...more] = subsets ?? [];
  return [toSlice(metadata, first), ...more.map((subset) => toSlice(metadata, subset))];
}

function toSlice(
  metadata: KubeObject['metadata'],
  { addresses, notReadyAddresses, ports }: EndpointSubset,
): EndpointSlice {
  return {
    metadata,
    addressType: 'IP',
    endpoints: [
      ...(addresses ?? []).map((address) => toEndpoint(address, true)),
      ...(notReadyAddresses ?? []).map((address) => toEndpoint(address, false)),
    ],
    ports: ports ?? [],
  };
}

function toEndpoint({ ip, nodeName, targetRef }: EndpointAddress, ready: boolean): SliceEndpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    nodeName: nodeName ?? null,
    targetRef: targetRef ?? null,
  };
}

/** Throws a `TypeError` if it is no Endpoints object: it would be read as one without addresses. */
export function checkEndpoints(object: KubeObject): void {
  const { subsets } = object as Partial<Endpoints>;
  checkList('subsets', subsets);
  for (const { addresses, notReadyAddresses, ports } of subsets ?? []) {
    checkList('addresses', addresses);
    checkList('notReadyAddresses', notReadyAddresses);
    checkList('ports', ports);
  }
}
