import { checkPeriod, systemClock } from '@movies/time';
import {
  checkForms,
  checkOption,
  functionForm,
  objectForm,
  textForm,
} from '../adapter/check-option';
import { WatchedRegistry, type RegistryOptions } from '../adapter/watched-registry';
import { formatTarget, invalidTarget, type Target } from '../target';
import { kubeAccessSource } from './access/kube-access-source';
import type { KubeAccess } from './access/kube-access';
import type { KubeConfigLike } from './access/kube-config-object';
import { KubeApi } from './api-server/kube-api';
import { checkEndpoints, checkEndpointSlice } from './endpoints/endpoint-slice';
import { EndpointSource, type EndpointObject } from './endpoints/endpoint-source';
import { ListWatch, type ListWatchOptions } from './list-watch/list-watch';

export type {
  CredentialsOptions,
  KubeAccess,
  KubeCredentials,
  KubeTls,
} from './access/kube-access';
export type { RegistryOptions } from '../adapter/watched-registry';
export type { KubeConfigLike } from './access/kube-config-object';

/**
 * Where the Services are, how they are read, and how the API server is reached. Every option may be left out; `context`,
 * `kubeConfig` and `access` exclude each other.
 */
export interface KubernetesRegistryOptions extends RegistryOptions {
  /**
   * Where the Services are whose target names no namespace; that of the pod, or of the kubeconfig's context, by
   * default.
   */
  readonly namespace?: string | undefined;
  /**
   * Name of the port to call where the target names none, as the Service names it; `http` by default, '' for the one
   * without a name.
   */
  readonly port?: string | undefined;
  /**
   * `endpointslices` (discovery.k8s.io/v1) by default; `endpoints` is the older core/v1 API, which tells
   * nothing of draining pods and stops at 1,000 addresses.
   */
  readonly api?: 'endpointslices' | 'endpoints' | undefined;
  /** A context of the kubeconfig; its current one by default. It excludes `kubeConfig`, `access` and `findAccess`. */
  readonly context?: string | undefined;
  /**
   * A watch that is silent for so many milliseconds is begun anew; 90,000 by default, and a quiet server tells something
   * every minute.
   */
  readonly idleMs?: number | undefined;
  /** Sent with each request; `movies-discovery` by default. */
  readonly userAgent?: string | undefined;
  /** A `KubeConfig` of `@kubernetes/client-node`, instead of the kubeconfig files; its current context counts. */
  readonly kubeConfig?: KubeConfigLike | undefined;
  /** The access itself, instead of that of a kubeconfig or of the pod's service account. */
  readonly access?: KubeAccess | undefined;
  /** The same, called for each request. */
  readonly findAccess?: (() => Promise<KubeAccess>) | undefined;
}

/**
 * `Registry` on the Kubernetes API. A target is a Service, as `rating`, `rating.shop` or `rating.shop:grpc`: the options
 * fill in namespace and port. A pod's readiness is its registration, so there is no `Registrar`.
 */
export class KubernetesRegistry extends WatchedRegistry {
  /** Throws `invalid_options`, naming the option. */
  constructor(options: KubernetesRegistryOptions = {}) {
    checkForms(options, optionForms);
    const { api = 'endpointslices', clock = systemClock, random = Math.random } = options;
    const { namespace, port = 'http', idleMs = 90_000, userAgent } = options;
    checkOptions(options);
    const findAccess = checkOption(() => kubeAccessSource({ ...options, clock }));
    const kubeApi = new KubeApi({ findAccess, clock, userAgent });
    super(
      {
        name: 'kubernetes',
        origin: async (target) => {
          const access = await findAccess();
          const path = objectsOf[api](target.service).path(
            target.namespace ?? namespace ?? access.namespace,
          );
          return `${access.server}${path}/${target.service}:${target.port ?? port}`;
        },
        open: (target, sink) => {
          checkTarget(target);
          const { service } = target;
          const listWatch = new ListWatch<EndpointObject>({
            api: kubeApi,
            clock,
            ...objectsOf[api](service),
            namespace: target.namespace ?? namespace,
            idleMs,
          });
          return new EndpointSource({
            service,
            port: target.port ?? port,
            listWatch,
            sink,
            clock,
            random,
          });
        },
        release: () => kubeApi.close(),
      },
      options,
    );
    if (api === 'endpoints') warnOfEndpoints();
  }
}

/** Where the objects of a Service are, by API. */
const objectsOf: Readonly<
  Record<
    'endpointslices' | 'endpoints',
    (service: string) => Pick<ListWatchOptions, 'path' | 'selector' | 'checkObject'>
  >
> = {
  endpointslices: (service) => ({
    path: (namespace) => `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
    selector: { labelSelector: `kubernetes.io/service-name=${service}` },
    checkObject: checkEndpointSlice,
  }),
  endpoints: (service) => ({
    path: (namespace) => `/api/v1/namespaces/${namespace}/endpoints`,
    selector: { fieldSelector: `metadata.name=${service}` },
    checkObject: checkEndpoints,
  }),
};

/**
 * RFC 1123, as for the names of Services, namespaces and ports
 * (https://kubernetes.io/docs/concepts/overview/working-with-objects/names/).
 */
const dnsLabel = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const expectedLabel =
  'at most 63 lower case letters, digits and -, with a letter or digit at each end';

const optionForms = {
  namespace: textForm,
  port: { allows: (value: unknown) => typeof value === 'string', expected: 'a text' },
  api: {
    allows: (value: unknown) => typeof value === 'string' && Object.hasOwn(objectsOf, value),
    expected: Object.keys(objectsOf).join(' or '),
  },
  context: textForm,
  userAgent: textForm,
  kubeConfig: objectForm('getCurrentContext', 'getCurrentCluster', 'applyToHTTPSOptions'),
  access: objectForm('credentials'),
  findAccess: functionForm,
};

/** A name goes into a selector or a path as it stands. */
function checkTarget(target: Target): void {
  for (const part of ['service', 'namespace', 'port'] as const) {
    const name = target[part];
    if (name === undefined || dnsLabel.test(name)) continue;
    const reason = `'${name}' cannot be the name of a ${part} of Kubernetes: expected ${expectedLabel}`;
    throw invalidTarget(formatTarget(target), reason);
  }
}

function checkOptions({ namespace, port, idleMs, userAgent }: KubernetesRegistryOptions): void {
  checkOption(() => {
    checkPeriod('idleMs', idleMs);
    for (const [option, name] of [
      ['namespace', namespace],
      ['port', port === '' ? undefined : port],
    ] as const) {
      if (name === undefined || dnsLabel.test(name)) continue;
      throw new RangeError(`'${option}' is '${name}': expected ${expectedLabel}`);
    }
    if (userAgent !== undefined && !/^[\x20-\x7e]+$/.test(userAgent)) {
      throw new RangeError(
        `'userAgent' is ${JSON.stringify(userAgent)}: expected printable ASCII characters`,
      );
    }
  });
}

function warnOfEndpoints(): void {
  process.emitWarning(
    'the Endpoints API does not tell which pods drain, and is cut at 1,000 addresses: ' +
      'api=endpointslices does not have these limits',
    { code: 'DISCOVERY_ENDPOINTS' },
  );
}
