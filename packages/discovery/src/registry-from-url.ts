import { inspect } from 'node:util';
import { parseAddress, type Address } from './address';
import { ConsulRegistry } from './consul/consul-registry';
import { DnsRegistry, type DnsRegistryOptions } from './dns/dns-registry';
import { KubernetesRegistry } from './kubernetes/kubernetes-registry';
import { MemoryRegistry } from './memory/memory-registry';
import type { Registrar } from './registrar';
import type { Registry } from './registry';
import {
  invalidRegistryUrl,
  namingUrl,
  parseRegistryUrl,
  readDuration,
  readRegistryOptions,
  registryParameters,
} from './registry-url';
import { StaticRegistry } from './static/static-registry';

/** What a registry URL opens. */
export interface OpenedRegistry {
  /** To be closed by the caller. */
  readonly registry: Registry;
  /** Absent where the platform registers, or the addresses are fixed. */
  readonly registrar?: Registrar;
  /** Where the registry is asked, if it is asked over the network: tells which local address it sees. */
  readonly agent?: Address;
}

/** The adapters' names, as they begin a registry URL. */
const schemes = ['memory:', 'static:', 'consul:', 'consul+https:', 'kubernetes:', 'dns:'];

/**
 * Opens the registry that a URL names; the one place that knows every adapter.
 * Throws `invalid_registry_url`, naming what is wrong and what is expected.
 */
export function registryFromUrl(text: string): OpenedRegistry {
  // In plain JavaScript it may be anything.
  const given: unknown = text;
  if (typeof given !== 'string') throw invalidRegistryUrl(inspect(given), 'it is no text');
  const scheme = /^[a-z+]+:/.exec(text)?.[0] ?? '';
  switch (scheme) {
    case 'memory:':
      return openMemory(text);
    case 'static:':
      return { registry: namingUrl(text, () => new StaticRegistry(parseStatic(text))) };
    case 'consul:':
    case 'consul+https:':
      return openConsul(text, scheme === 'consul+https:');
    case 'kubernetes:':
      return { registry: openKubernetes(text) };
    case 'dns:':
      return { registry: openDns(text) };
    default:
      throw invalidRegistryUrl(text, `it begins with none of ${schemes.join(', ')}`);
  }
}

function openMemory(text: string): OpenedRegistry {
  if (text !== 'memory:') throw invalidRegistryUrl(text, `'memory:' takes nothing after it`);
  const registry = new MemoryRegistry();
  return { registry, registrar: registry };
}

/** `static:metadata=host:port,host:port;rating=host:port` */
function parseStatic(text: string): Readonly<Record<string, readonly Address[]>> {
  const sets = new Map<string, readonly Address[]>();
  for (const part of text.slice('static:'.length).split(';')) {
    const [service = '', list, ...more] = part.split('=');
    if (service === '' || list === undefined || more.length > 0) {
      throw invalidRegistryUrl(text, `'${part}' is not service=host:port,host:port`);
    }
    if (sets.has(service)) throw invalidRegistryUrl(text, `'${service}' is named twice`);
    sets.set(
      service,
      list.split(',').map((address) => readAddress(text, address)),
    );
  }
  return Object.fromEntries(sets);
}

/**
 * `consul://host:port?agent=host:port&token-file=&dc=&tag=&filter=&wait=55s`, with `+https` also `ca-file`, `cert-file`,
 * `key-file`, `server-name`; `agent` and `tag` may be repeated
 */
function openConsul(text: string, https: boolean): OpenedRegistry {
  const tlsParameters = ['ca-file', 'cert-file', 'key-file', 'server-name'];
  const url = parseRegistryUrl(text, {
    expected: `${https ? 'consul+https' : 'consul'}://host:port`,
    needsHost: true,
    known: [
      ...['agent', 'token-file', 'dc', 'tag', 'filter', 'wait'],
      ...registryParameters,
      ...(https ? tlsParameters : []),
    ],
    repeated: ['agent', 'tag'],
    hint: (name) => (tlsParameters.includes(name) ? 'consul+https: takes it' : undefined),
    credentials: 'give the token as token-file=<path>',
  });
  const { hostname, port, host, parameter, parameters } = url;
  const first = readAddress(text, port === '' ? `${hostname}:8500` : host);
  const others = parameters('agent').map((agent) => readAddress(text, agent));
  const registry = namingUrl(
    text,
    () =>
      new ConsulRegistry({
        agents: [first, ...others],
        tokenFile: parameter('token-file'),
        datacenter: parameter('dc'),
        tags: parameters('tag'),
        filter: parameter('filter'),
        maxWaitMs: readDuration(url, 'wait'),
        ...readRegistryOptions(url),
        tls: https
          ? {
              caFile: parameter('ca-file'),
              certFile: parameter('cert-file'),
              keyFile: parameter('key-file'),
              serverName: parameter('server-name'),
            }
          : undefined,
      }),
  );
  return { registry, registrar: registry, agent: first };
}

/** `kubernetes:` or `kubernetes://namespace?port=http&api=endpointslices&context=` */
function openKubernetes(text: string): KubernetesRegistry {
  const expected = 'kubernetes: or kubernetes://namespace';
  const url = parseRegistryUrl(text, {
    expected,
    needsHost: false,
    known: ['port', 'api', 'context', ...registryParameters],
    credentials: 'they come from the kubeconfig, or from the service account of the pod',
  });
  const { hostname, port, parameter } = url;
  // Names of namespaces are DNS labels (RFC 1123).
  const isName = hostname === '' || /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(hostname);
  if (!isName || port !== '') throw invalidRegistryUrl(text, `expected ${expected}`);
  const api = parameter('api') ?? 'endpointslices';
  if (api !== 'endpointslices' && api !== 'endpoints') {
    throw invalidRegistryUrl(text, `'api' is endpointslices or endpoints, and not '${api}'`);
  }
  return namingUrl(
    text,
    () =>
      new KubernetesRegistry({
        namespace: hostname === '' ? undefined : hostname,
        port: parameter('port'),
        api,
        context: parameter('context'),
        ...readRegistryOptions(url),
      }),
  );
}

/**
 * `dns://{service}-headless.{namespace}.svc.cluster.local?kind=srv&port=http&namespace=movies&family=both&server=host:port`
 */
function openDns(text: string): DnsRegistry {
  const url = parseRegistryUrl(text, {
    expected: 'dns://{service}.domain, or dns://domain for the same',
    needsHost: true,
    known: ['kind', 'port', 'server', 'namespace', 'family', ...registryParameters],
    repeated: ['server'],
    credentials: 'DNS knows none',
  });
  const { hostname, parameter, parameters } = url;
  if (url.port !== '') {
    throw invalidRegistryUrl(
      text,
      `':${url.port}' is no part of it; a DNS server goes into server=host:port`,
    );
  }
  const kind = (parameter('kind') ?? 'srv') as DnsRegistryOptions['kind'];
  const port = parameter('port') ?? (kind === 'srv' ? 'http' : '');
  const family = parameter('family');
  const servers = parameters('server').map((server) => readAddress(text, server));
  return namingUrl(
    text,
    () =>
      new DnsRegistry({
        name: hostname.includes('{service}') ? hostname : `{service}.${hostname}`,
        kind,
        port: kind === 'a' && /^\d+$/.test(port) ? Number(port) : port,
        namespace: parameter('namespace'),
        family: (family === '4' || family === '6'
          ? Number(family)
          : family) as DnsRegistryOptions['family'],
        ...(servers.length === 0 ? {} : { servers }),
        ...readRegistryOptions(url),
      }),
  );
}

function readAddress(text: string, address: string): Address {
  return namingUrl(text, () => parseAddress(address));
}
