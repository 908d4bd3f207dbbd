import { Resolver } from 'node:dns';
import { isIP } from 'node:net';
import { systemClock } from '@movies/time';
import { checkForms, checkOption, listForm, textForm } from '../adapter/check-option';
import { WatchedRegistry, type RegistryOptions } from '../adapter/watched-registry';
import { checkAddress, formatAddress, type Address } from '../address';
import { DiscoveryError } from '../discovery-error';
import { formatTarget, invalidTarget, type Target } from '../target';
import { DnsClient, type Family } from './dns-client';
import { askAddresses, askSrv, typeOf } from './dns-question';
import { DnsSource } from './dns-source';

export type { RegistryOptions } from '../adapter/watched-registry';
export type { Family } from './dns-client';

/** Which names are asked, and where. `name`, `kind` and `port` are required. */
export interface DnsRegistryOptions extends RegistryOptions {
  /**
   * Template of the names that are asked: holds `{service}`, and `{namespace}` where targets name one, as
   * `{service}-headless.{namespace}.svc.cluster.local`. Asked as it is; search domains are not tried.
   */
  readonly name: string;
  /**
   * `srv`: the SRV records (RFC 2782) of a named port, and the addresses of their targets. `a`: the A and AAAA records,
   * with one port for all.
   */
  readonly kind: 'srv' | 'a';
  /**
   * The port of targets that name none. For `srv` a name: `http` asks for `_http._tcp.<name>`. For `a` a number, 1 to
   * 65535.
   */
  readonly port: string | number;
  /** Fills `{namespace}` for targets that name none; such a target is refused by default. */
  readonly namespace?: string | undefined;
  /** Which addresses are asked for: IPv4 (A), IPv6 (AAAA), or both, which is the default. */
  readonly family?: Family | 'both' | undefined;
  /**
   * The DNS servers by IP address; a function is called before each turn. The first one is asked, and the next one when
   * it fails, or is silent for 500 ms; it is then asked last for 30 s. By default the system's, read again before each
   * turn.
   */
  readonly servers?: readonly Address[] | (() => readonly Address[]) | undefined;
}

const optionForms = {
  name: textForm,
  namespace: textForm,
  servers: {
    allows: (value: unknown) => Array.isArray(value) || typeof value === 'function',
    expected: 'a list of addresses, or a function that returns one',
  },
};

const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;
/** One less than a label, for the `_` before it. */
const portName = /^[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?$/i;
const maxNameLength = 253;

/**
 * Where a platform keeps DNS records of its instances, as Kubernetes does for a headless Service. A target that names
 * a namespace needs `{namespace}` in the template; its port is the SRV port name, or the number for kind `a`. A target
 * whose name DNS cannot hold is refused with `invalid_target`.
 */
export class DnsRegistry extends WatchedRegistry {
  /** Throws `invalid_options`, naming the option and what is expected. */
  constructor(options: DnsRegistryOptions) {
    checkForms(options, optionForms, ['name']);
    const { servers, family = 'both', clock = systemClock, random = Math.random } = options;
    const families = readFamilies(family);
    checkKind(options.kind);
    checkTemplate(options);
    const readServers = serversOf(servers);
    readServers?.();
    const port = checkPort(options.kind, options.port, invalid);
    super(
      {
        name: 'dns',
        open: (target, sink) => {
          const name = nameOf(target, options);
          const targetPort = portOf(target, options.kind) ?? port;
          checkName(target, typeof targetPort === 'string' ? `_${targetPort}._tcp.${name}` : name);
          // One per target: `cancel` ends all that a client has under way.
          const client = new DnsClient({ servers: readServers, clock });
          const of = { client, families, name, clock };
          const question =
            typeof targetPort === 'string' ? askSrv(of, targetPort) : askAddresses(of, targetPort);
          const { service } = target;
          return new DnsSource({ client, question, families, service, sink, clock, random });
        },
        origin: (target) => {
          // Made anew, since a `Resolver` reads the system's servers only when it is made.
          const asked = readServers?.() ?? new Resolver().getServers();
          const name = nameOf(target, options);
          const targetPort = portOf(target, options.kind) ?? port;
          const types = families.map(typeOf).join('+');
          return `dns://${asked.toSorted().join()}/${name}:${targetPort}?type=${types}`;
        },
        // A server that answers is well: its failures are forgotten at once.
        restMs: 0,
      },
      options,
    );
  }
}

function readFamilies(family: unknown): readonly Family[] {
  if (family === 'both') return [4, 6];
  if (family === 4 || family === 6) return [family];
  throw invalid(`'family' is 4, 6 or both, and not '${String(family)}'`);
}

function checkKind(kind: unknown): void {
  if (kind !== 'srv' && kind !== 'a')
    throw invalid(`'kind' is srv or a, and not '${String(kind)}'`);
}

function checkTemplate({ name: template, namespace }: DnsRegistryOptions): void {
  if (!template.includes('{service}')) {
    throw invalid(
      `the name '${template}' does not say where the service stands: put in '{service}'`,
    );
  }
  const example = fill(template, 'x', 'x');
  if (example.length > maxNameLength || !example.split('.').every((part) => label.test(part))) {
    throw invalid(
      `'${template}' is not a DNS name: expected labels of letters, digits and '-', 63 at most, between dots`,
    );
  }
  if (namespace === undefined) return;
  if (!label.test(namespace)) throw invalid(`the namespace '${namespace}' is not a DNS label`);
  if (!template.includes('{namespace}')) {
    throw invalid(
      `the namespace '${namespace}' has no place in the name '${template}': put in '{namespace}'`,
    );
  }
}

/** Without the dot at the end: each name is asked with one, so that no search domain is tried. */
function fill(template: string, service: string, namespace: string): string {
  return template
    .replace(/\.$/, '')
    .replaceAll('{service}', service)
    .replaceAll('{namespace}', namespace);
}

function nameOf(target: Target, { name: template, namespace }: DnsRegistryOptions): string {
  const hasPlace = template.includes('{namespace}');
  if (target.namespace !== undefined && !hasPlace) {
    throw invalidTarget(
      formatTarget(target),
      `the name '${template}' has no place for the namespace '${target.namespace}': put in '{namespace}'`,
    );
  }
  const filled = target.namespace ?? namespace;
  if (hasPlace && filled === undefined) {
    throw invalidTarget(
      formatTarget(target),
      `the name '${template}' needs a namespace: name one, as ` +
        `'${formatTarget({ ...target, namespace: 'shop' })}', or set the default 'namespace'`,
    );
  }
  return fill(template, target.service, filled ?? '');
}

function portOf(target: Target, kind: DnsRegistryOptions['kind']): string | number | undefined {
  const { port } = target;
  if (port === undefined) return undefined;
  const value = kind === 'a' && /^\d+$/.test(port) ? Number(port) : port;
  return checkPort(kind, value, (message) => invalidTarget(formatTarget(target), message));
}

function checkPort(
  kind: DnsRegistryOptions['kind'],
  port: string | number,
  refuse: (message: string) => DiscoveryError,
): string | number {
  if (kind === 'srv') {
    if (typeof port === 'string' && portName.test(port)) return port;
    throw refuse(`kind 'srv' takes the name of a port, such as 'http', and not '${String(port)}'`);
  }
  if (typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535)
    return port;
  throw refuse(`kind 'a' takes the number of a port, 1 to 65535, and not '${String(port)}'`);
}

function checkName(target: Target, name: string): void {
  const tooLong = name.split('.').find((part) => !label.test(part));
  if (tooLong !== undefined) {
    throw invalidTarget(
      formatTarget(target),
      `'${tooLong}' in '${name}' is not a DNS label: expected letters, digits, '-' and '_', 63 at most`,
    );
  }
  if (name.length > maxNameLength) {
    throw invalidTarget(
      formatTarget(target),
      `'${name}' has ${name.length} characters, and a DNS name ${maxNameLength} at most`,
    );
  }
}

/** As c-ares writes them. Each call checks them. */
function serversOf(servers: DnsRegistryOptions['servers']): (() => readonly string[]) | undefined {
  if (servers === undefined) return undefined;
  return () => {
    const addresses = typeof servers === 'function' ? servers() : servers;
    checkForms({ servers: addresses }, { servers: listForm }, ['servers']);
    if (addresses.length === 0)
      throw invalid('no DNS server is given: name one, or leave them out');
    return addresses.map((server) => {
      checkOption(() => {
        checkAddress(server);
      });
      const text = formatAddress(server);
      if (isIP(server.host) !== 0) return text;
      throw invalid(`the DNS server '${text}' has to be given by its IP address`);
    });
  };
}

function invalid(message: string): DiscoveryError {
  return new DiscoveryError('invalid_options', message);
}
