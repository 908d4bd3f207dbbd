import { DiscoveryError } from './discovery-error';

/** What a watch follows: `rating`, `rating.shop` or `rating.shop:grpc`. The registry's defaults fill in the rest. */
export interface Target {
  /** Name of the service: 1 to 63 letters, digits, - and _. */
  readonly service: string;
  /** Of the platform, as a namespace of Kubernetes. */
  readonly namespace?: string;
  /** Name of the port. */
  readonly port?: string;
}

/** A label, which is the strictest that Consul, DNS and Kubernetes share, but for the upper case that Consul takes. */
const label = String.raw`[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?`;
const form = new RegExp(
  `^(?<service>${label})(?:\\.(?<namespace>${label}))?(?::(?<port>${label}))?$`,
);

/** Reads a target; throws `invalid_target`, naming what is expected. */
export function parseTarget(text: string): Target {
  // In plain JavaScript it may be no text, and `undefined` would be read as a name.
  const isText = (typeof text as unknown) === 'string';
  const { service, namespace, port } = (isText ? form.exec(text)?.groups : undefined) ?? {};
  if (service === undefined) {
    throw invalidTarget(
      text,
      'expected service, service.namespace or service.namespace:port, each of at most 63 letters, digits, - and _',
    );
  }
  return {
    service,
    ...(namespace === undefined ? {} : { namespace }),
    ...(port === undefined ? {} : { port }),
  };
}

/** `service.namespace:port`, without what it does not name. */
export function formatTarget({ service, namespace, port }: Target): string {
  return `${service}${namespace === undefined ? '' : `.${namespace}`}${port === undefined ? '' : `:${port}`}`;
}

/** For a registry that has neither namespaces nor ports to choose from: throws `invalid_target`, which names it. */
export function refuseParts(target: Target, registry: string): void {
  for (const part of ['namespace', 'port'] as const) {
    const value = target[part];
    if (value === undefined) continue;
    throw invalidTarget(
      formatTarget(target),
      `${registry} has no ${part}s to choose from: leave out '${value}'`,
    );
  }
}

/** The failure that a watch of a target has which its registry cannot have. */
export function invalidTarget(target: string, reason: string): DiscoveryError {
  return new DiscoveryError('invalid_target', `'${target}' cannot be watched: ${reason}`);
}
