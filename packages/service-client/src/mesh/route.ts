import { isIP } from 'node:net';

/** A service that a URL names. */
export interface Route {
  /** Scheme, host and port, as in the URL. */
  readonly origin: string;
  /** Host and port. */
  readonly host: string;
  readonly hostname: string;
  /** What to watch, without the port: `rating`, or `rating.shop`. */
  readonly target: string;
  /** The number of the port, if the URL has one. */
  readonly port: string | undefined;
  readonly isSecure: boolean;
  /** The host has dots: it is a service only where the registry has namespaces. */
  readonly needsNamespaces: boolean;
}

/** `rating.shop.svc`, in the domain of a cluster or without it. */
const clusterName = /^(?<service>[^.]+)\.(?<namespace>[^.]+)\.svc(?:\.cluster\.local)?$/;

/** The service that an origin names; `undefined` if its host is an address, `localhost` or an ordinary name. */
export function routeOf(origin: string | URL | undefined): Route | undefined {
  const url = URL.parse(String(origin));
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return undefined;
  const { hostname } = url;
  if (hostname === '' || hostname === 'localhost' || hostname.startsWith('[') || isIP(hostname))
    return undefined;
  const { service, namespace } = clusterName.exec(hostname)?.groups ?? {};
  const inCluster =
    service === undefined || namespace === undefined ? undefined : `${service}.${namespace}`;
  if (inCluster === undefined && hostname.includes('.')) return undefined;
  return {
    origin: url.origin,
    host: url.host,
    hostname,
    target: inCluster ?? hostname,
    port: url.port === '' ? undefined : url.port,
    isSecure: url.protocol === 'https:',
    needsNamespaces: inCluster !== undefined,
  };
}
