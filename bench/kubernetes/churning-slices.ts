import type {
  EndpointSlice,
  SliceEndpoint,
} from '../../packages/discovery/src/kubernetes/endpoints/endpoint-slice';

export const service = 'bench';
export const selector = `kubernetes.io/service-name=${service}`;

export interface SliceDocument extends EndpointSlice {
  readonly endpoints: readonly SliceEndpoint[];
}

/**
 * The slices of a large Service, as the control plane would write them, and one change after the other: each is
 * of one slice, in which some endpoints change their readiness and the last one is replaced by a new pod. Those pods
 * sort after all others and are told apart by their uid, so that a watcher sees cheaply which change it has.
 */
export class ChurningSlices {
  readonly #slices: SliceDocument[];
  readonly #changesPerUpdate: number;
  #updates = 0;

  constructor(options: { slices: number; endpointsPerSlice: number; changesPerUpdate: number }) {
    this.#changesPerUpdate = options.changesPerUpdate;
    this.#slices = Array.from({ length: options.slices }, (_, slice) => ({
      metadata: {
        name: `${service}-${pad(slice, 3)}`,
        labels: {
          'kubernetes.io/service-name': service,
          'endpointslice.kubernetes.io/managed-by': 'bench',
        },
      },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      endpoints: Array.from({ length: options.endpointsPerSlice }, (_, i) =>
        i === options.endpointsPerSlice - 1 ? replaced(slice, i, 0) : pod(slice, i),
      ),
    }));
  }

  get all(): readonly SliceDocument[] {
    return this.#slices;
  }

  /** The slice that changes next, each in turn, as it is after that. */
  next(): SliceDocument {
    const at = this.#updates % this.#slices.length;
    const round = Math.floor(this.#updates / this.#slices.length);
    this.#updates += 1;
    const before = this.#slices[at];
    if (before === undefined) throw new RangeError('there are no slices');
    const last = before.endpoints.length - 1;
    const toggled = this.#changesPerUpdate - 1;
    const endpoints = before.endpoints.map((endpoint, i) => {
      if (i === last) return replaced(at, i, round + 1);
      // Others in each round, so that in time all of them change.
      return (i + round * toggled) % last < toggled ? toggle(endpoint) : endpoint;
    });
    const after = { ...before, endpoints };
    this.#slices[at] = after;
    return after;
  }
}

/** Names the change: the id that its new pod has as an instance. */
export function changeOf({ endpoints }: Pick<EndpointSlice, 'endpoints'>): string {
  const { name = '', uid = '' } = endpoints?.at(-1)?.targetRef ?? {};
  return `${name}.${uid.slice(0, 8)}`;
}

function pod(slice: number, i: number): SliceEndpoint {
  return endpoint(
    slice,
    i,
    `bench-7c9d8f6b5d-${pad(slice, 2)}${pad(i, 3)}`,
    pad(slice * 1000 + i, 8),
  );
}

function replaced(slice: number, i: number, round: number): SliceEndpoint {
  return endpoint(slice, i, `last-7c9d8f6b5d-${pad(slice, 2)}`, pad(round, 8));
}

function endpoint(slice: number, i: number, name: string, uid: string): SliceEndpoint {
  return {
    addresses: [`10.7.${slice}.${i + 1}`],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: `node-${pad(slice, 3)}.example.internal`,
    targetRef: { kind: 'Pod', name, uid: `${uid}-4b1d-4c0e-9d53-0f6a2c1b8e77` },
    zone: `zone-${'abc'.charAt(slice % 3)}`,
  };
}

function toggle(endpoint: SliceEndpoint): SliceEndpoint {
  const ready = endpoint.conditions?.ready !== true;
  return { ...endpoint, conditions: { ready, serving: ready, terminating: false } };
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}
