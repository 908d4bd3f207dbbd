import { parseAddress, type Address } from './address';
import { ConsulRegistry } from './consul/consul-registry';
import { DiscoveryError } from './discovery-error';
import { MemoryRegistry } from './memory/memory-registry';
import type { Registrar } from './registrar';
import type { Registry } from './registry';
import { StaticRegistry } from './static/static-registry';

/** What a registry URL opens. */
export interface OpenedRegistry {
  readonly registry: Registry;
  /** Absent where the platform registers, or the addresses are fixed. */
  readonly registrar?: Registrar;
  /** Where the registry is asked, if it is asked over the network: tells which local address it sees. */
  readonly agent?: Address;
}

/** The adapters' names, as they begin a registry URL. */
const schemes = ['memory:', 'static:', 'consul:', 'consul+https:'];

/**
 * Opens the registry that a URL names; the one place that knows every adapter.
 * Throws `invalid_registry_url`, naming what is wrong and what is expected.
 */
export function registryFromUrl(text: string): OpenedRegistry {
  const scheme = /^[a-z+]+:/.exec(text)?.[0] ?? '';
  switch (scheme) {
    case 'memory:':
      return openMemory(text);
    case 'static:':
      return { registry: new StaticRegistry(parseStatic(text)) };
    case 'consul:':
    case 'consul+https:':
      return openConsul(text, scheme === 'consul+https:');
    default:
      throw invalid(text, `it begins with none of ${schemes.join(', ')}`);
  }
}

function openMemory(text: string): OpenedRegistry {
  if (text !== 'memory:') throw invalid(text, `'memory:' takes nothing after it`);
  const registry = new MemoryRegistry();
  return { registry, registrar: registry };
}

/** `static:metadata=host:port,host:port;rating=host:port` */
function parseStatic(text: string): Record<string, Address[]> {
  const sets: Record<string, Address[]> = {};
  for (const part of text.slice('static:'.length).split(';')) {
    const [service = '', list, ...more] = part.split('=');
    if (service === '' || list === undefined || more.length > 0) {
      throw invalid(text, `'${part}' is not service=host:port,host:port`);
    }
    if (sets[service] !== undefined) throw invalid(text, `'${service}' is named twice`);
    sets[service] = list.split(',').map((address) => readAddress(text, address));
  }
  return sets;
}

/** `consul://host:port?agent=host:port&token-file=&dc=`, with `+https` also `ca-file`, `cert-file`, `key-file` */
function openConsul(text: string, https: boolean): OpenedRegistry {
  const url = URL.parse(text);
  if (url === null || url.hostname === '') {
    throw invalid(text, `expected ${https ? 'consul+https' : 'consul'}://host:port`);
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid(text, 'it holds a user or password; give the token as token-file=<path>');
  }
  for (const part of [url.pathname.replace(/^\/$/, ''), url.hash]) {
    if (part !== '') throw invalid(text, `'${part}' is no part of it`);
  }
  const tlsParameters = ['ca-file', 'cert-file', 'key-file'];
  const known = ['agent', 'token-file', 'dc', ...(https ? tlsParameters : [])];
  for (const name of url.searchParams.keys()) {
    if (!known.includes(name)) {
      const hint = tlsParameters.includes(name)
        ? 'consul+https: takes it'
        : `known are ${known.join(', ')}`;
      throw invalid(text, `the parameter '${name}' is not known here; ${hint}`);
    }
  }
  const parameter = (name: string) => url.searchParams.get(name) ?? undefined;
  const first = readAddress(text, url.port === '' ? `${url.hostname}:8500` : url.host);
  const others = url.searchParams.getAll('agent').map((agent) => readAddress(text, agent));
  const registry = withUrl(
    text,
    () =>
      new ConsulRegistry({
        agents: [first, ...others],
        tokenFile: parameter('token-file'),
        datacenter: parameter('dc'),
        tls: https
          ? {
              caFile: parameter('ca-file'),
              certFile: parameter('cert-file'),
              keyFile: parameter('key-file'),
            }
          : undefined,
      }),
  );
  return { registry, registrar: registry, agent: first };
}

function readAddress(text: string, address: string): Address {
  return withUrl(text, () => parseAddress(address));
}

/** Runs `open`, and names the URL in what it throws. */
function withUrl<T>(text: string, open: () => T): T {
  try {
    return open();
  } catch (error: unknown) {
    if (error instanceof DiscoveryError) throw invalid(text, error.message, error);
    throw error;
  }
}

function invalid(text: string, reason: string, cause?: Error): DiscoveryError {
  return new DiscoveryError(
    'invalid_registry_url',
    `the registry URL '${withoutSecrets(text)}' cannot be used: ${reason}`,
    { cause },
  );
}

/** The message goes to a log, and a token that was put into the URL by mistake must not. */
function withoutSecrets(text: string): string {
  return text
    .replace(/\/\/[^/?#]*@/, '//***@')
    .replace(/([?&][^=&]*(?:token|secret)=)[^&#]*/gi, '$1***');
}
