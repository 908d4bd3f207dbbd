import { checkDuration, systemClock, type Clock, type Random } from '@movies/time';
import type { Sink, Source } from '../adapter/source';
import { checkOption, WatchedRegistry } from '../adapter/watched-registry';
import type { EndpointSlice } from './endpoints/endpoint-slice';
import { EndpointSliceSet } from './endpoints/endpoint-slice-set';
import { slicesOfEndpoints, type Endpoints } from './endpoints/endpoints';
import { findKubeAccess } from './access/find-kube-access';
import type { KubeAccess } from './access/kube-access';
import { KubeApi } from './api-server/kube-api';
import { ListWatch, type KubeObject } from './list-watch/list-watch';
import { KubernetesFeed, type EndpointObjects } from './endpoints/kubernetes-feed';
import { Reflector } from './list-watch/reflector';

export interface KubernetesRegistryOptions {
  /** Where the Services are; that of the pod, or of the kubeconfig's context, by default. */
  readonly namespace?: string | undefined;
  /** Name of the port to call, as the Service names it; `http` by default, '' for the one without a name. */
  readonly port?: string | undefined;
  /**
   * `endpointslices` (discovery.k8s.io/v1) by default; `endpoints` is the older core/v1 API, which tells
   * nothing of draining pods and stops at 1,000 addresses.
   */
  readonly api?: 'endpointslices' | 'endpoints' | undefined;
  /** A context of the kubeconfig; its current one by default. */
  readonly context?: string | undefined;
  /** A watch that is silent for so long is begun anew; 90,000 by default, and a quiet server tells something every minute. */
  readonly idleMs?: number | undefined;
  /** Where the API server is, where that is not found by kubeconfig or service account. */
  readonly findAccess?: () => Promise<KubeAccess>;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** `Registry` on the Kubernetes API. A pod's readiness is its registration, so there is no `Registrar`. */
export class KubernetesRegistry extends WatchedRegistry {
  constructor(options: KubernetesRegistryOptions = {}) {
    const { context, clock = systemClock, random = Math.random } = options;
    const { namespace, port = 'http', idleMs = 90_000 } = options;
    checkOption(() => {
      checkDuration('idleMs', idleMs);
    });
    const findAccess = options.findAccess ?? (() => findKubeAccess({ context }));
    const api = new KubeApi({ findAccess, clock });
    if (options.api === 'endpoints') warnOfEndpoints();

    function follow<T extends KubeObject>(
      service: string,
      sink: Sink,
      { path, selector, objects }: EndpointResource<T>,
    ): Source {
      const listWatch = new ListWatch<T>({
        api,
        clock,
        path,
        selector: selector(service),
        namespace,
        idleMs,
      });
      return new KubernetesFeed<T>({
        namespace: () => listWatch.namespace,
        set: new EndpointSliceSet({ service, port }),
        objects,
        sink,
        clock,
        reflect: (store) => new Reflector({ listWatch, store, clock, random }),
      });
    }

    super(
      {
        name: 'kubernetes',
        open: ({ service }, sink) =>
          options.api === 'endpoints'
            ? follow(service, sink, endpoints)
            : follow(service, sink, endpointSlices),
        release: () => api.close(),
      },
      { clock, random },
    );
  }
}

function warnOfEndpoints(): void {
  process.emitWarning(
    'the Endpoints API does not tell which pods drain, and is cut at 1,000 addresses: ' +
      'api=endpointslices does not have these limits',
    { code: 'DISCOVERY_ENDPOINTS' },
  );
}

/** Where the objects of a Service are, and how its set takes them in. */
interface EndpointResource<T extends KubeObject> {
  readonly path: (namespace: string) => string;
  readonly selector: (service: string) => Readonly<Record<string, string>>;
  readonly objects: EndpointObjects<T>;
}

const endpointSlices: EndpointResource<EndpointSlice> = {
  path: (namespace) => `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
  selector: (service) => ({ labelSelector: `kubernetes.io/service-name=${service}` }),
  objects: {
    replace: (set, slices) => {
      set.replace(slices);
    },
    put: (set, slice) => {
      set.put(slice);
    },
    delete: (set, name) => {
      set.delete(name);
    },
  },
};

const endpoints: EndpointResource<Endpoints> = {
  path: (namespace) => `/api/v1/namespaces/${namespace}/endpoints`,
  selector: (service) => ({ fieldSelector: `metadata.name=${service}` }),
  // One object has it all: each replaces what was known.
  objects: {
    replace: (set, objects) => {
      set.replace(objects.flatMap(slicesOfEndpoints));
    },
    put: (set, object) => {
      set.replace(slicesOfEndpoints(object));
    },
    delete: (set) => {
      set.replace([]);
    },
  },
};
