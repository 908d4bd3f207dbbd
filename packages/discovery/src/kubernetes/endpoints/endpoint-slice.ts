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

export interface SliceEndpoint {
  /** Only the first has a meaning. */
  readonly addresses?: readonly string[] | null;
  readonly conditions?: EndpointConditions | null;
  readonly targetRef?: EndpointTarget | null;
  readonly nodeName?: string | null;
  readonly zone?: string | null;
  readonly hints?: EndpointHints | null;
}

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

export interface SlicePort {
  /** Nil or empty: the unnamed port. */
  readonly name?: string | null;
  /** Nil: any port, so that nothing can be called by it. */
  readonly port?: number | null;
}

/** Throws a `TypeError` if it is no EndpointSlice: it would be read as one without endpoints. */
export function checkEndpointSlice(object: KubeObject): void {
  const { addressType, endpoints, ports } = object as Partial<EndpointSlice>;
  if (typeof addressType !== 'string') throw new TypeError('an EndpointSlice has no addressType');
  checkList('endpoints', endpoints);
  checkList('ports', ports);
}

/** Throws a `TypeError` unless it is a list, null or left out. */
export function checkList(field: string, value: unknown): void {
  if (value === undefined || value === null || Array.isArray(value)) return;
  throw new TypeError(`'${field}' of an object is no list`);
}
