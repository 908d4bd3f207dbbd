import type { KubeObject } from '../list-watch/list-watch';

/**
 * `discovery.k8s.io/v1` EndpointSlice, as far as it is read here. Go writes an empty list as null, and leaves
 * out what is nil.
 */
export interface EndpointSlice extends KubeObject {
  /** `IPv4`, `IPv6` or `FQDN`: only the last is not called. */
  readonly addressType: string;
  readonly endpoints?: readonly SliceEndpoint[] | null;
  readonly ports?: readonly SlicePort[] | null;
}

/** One endpoint of a slice. */
export interface SliceEndpoint {
  /** Only the first has a meaning. */
  readonly addresses?: readonly string[] | null;
  readonly conditions?: EndpointConditions | null;
  readonly targetRef?: EndpointTarget | null;
  readonly nodeName?: string | null;
  readonly zone?: string | null;
  readonly hints?: EndpointHints | null;
}

/** The state of an endpoint. */
export interface EndpointConditions {
  /** Nil is true. */
  readonly ready?: boolean | null;
  /** Nil is the same as `ready`. */
  readonly serving?: boolean | null;
  /** Nil is false. */
  readonly terminating?: boolean | null;
}

/** The object an endpoint stands for: a pod, as a rule. */
export interface EndpointTarget {
  readonly kind?: string;
  readonly name?: string;
  readonly uid?: string;
}

/** Which clients an endpoint is meant for. */
export interface EndpointHints {
  readonly forZones?: readonly { readonly name: string }[] | null;
  readonly forNodes?: readonly { readonly name: string }[] | null;
}

/** A port that each endpoint of a slice has. */
export interface SlicePort {
  /** Nil or empty: the unnamed port. */
  readonly name?: string | null;
  /** Nil: any port, so that nothing can be called by it. */
  readonly port?: number | null;
}

/**
 * `core/v1` Endpoints, the older form of the same, as far as it is read here: one object a Service, cut at 1,000
 * addresses, without a word on what terminates.
 */
export interface Endpoints extends KubeObject {
  readonly subsets?: readonly EndpointSubset[] | null;
}

/** Addresses that have the same ports. */
export interface EndpointSubset {
  /** Ready. */
  readonly addresses?: readonly EndpointAddress[] | null;
  readonly notReadyAddresses?: readonly EndpointAddress[] | null;
  readonly ports?: readonly SlicePort[] | null;
}

/** One address of a subset. */
export interface EndpointAddress {
  readonly ip: string;
  readonly nodeName?: string | null;
  readonly targetRef?: EndpointTarget | null;
}

/** At least one: there is such a Service. All have the name of the object. */
export type SlicesOfObject = readonly [EndpointSlice, ...EndpointSlice[]];

/** The slices that say the same, one a subset; one without endpoints where there is no subset. */
export function slicesOfEndpoints({ metadata, subsets }: Endpoints): SlicesOfObject {
  const toSlice = ({ addresses, notReadyAddresses, ports }: EndpointSubset): EndpointSlice => {
    const toEndpoint =
      (ready: boolean) =>
      ({ ip, ...more }: EndpointAddress): SliceEndpoint => ({
        ...more,
        addresses: [ip],
        conditions: { ready },
      });
    const endpoints = [
      ...(addresses ?? []).map(toEndpoint(true)),
      ...(notReadyAddresses ?? []).map(toEndpoint(false)),
    ];
    return { metadata, addressType: 'IP', endpoints, ports: ports ?? [] };
  };
  const [first = {}, ...more] = subsets ?? [];
  return [toSlice(first), ...more.map(toSlice)];
}

/** Throws a `TypeError` if it is no EndpointSlice: it would be read as one without endpoints. */
export function checkEndpointSlice(object: KubeObject): void {
  const { addressType, endpoints, ports } = object as Partial<EndpointSlice>;
  if (typeof addressType !== 'string') throw new TypeError('an EndpointSlice has no addressType');
  checkList('endpoints', endpoints);
  checkList('ports', ports);
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

/** Throws a `TypeError` unless it is a list, null or left out, as Go writes an empty one. */
function checkList(field: string, value: unknown): void {
  if (value === undefined || value === null || Array.isArray(value)) return;
  throw new TypeError(`'${field}' of an object is no list`);
}
