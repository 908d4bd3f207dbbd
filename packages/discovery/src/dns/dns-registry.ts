import { isIP } from 'node:net';
import { checkAddress, formatAddress, type Address } from '../address';
import { systemClock, type Clock, type Random } from '@movies/time';
import { DiscoveryError } from '../discovery-error';
import { WatchedRegistry } from '../adapter/watched-registry';
import { AddressLookup } from './address-lookup';
import { DnsClient } from './dns-client';
import { DnsFeed } from './dns-feed';
import type { DnsLookup } from './dns-lookup';
import { SrvLookup } from './srv-lookup';

export interface DnsRegistryOptions {
  /** Template that holds `{service}`: `{service}-headless.movies.svc.cluster.local`. */
  readonly name: string;
  /** `srv`: the SRV records of a named port. `a`: the A and AAAA records, with one port for all. */
  readonly kind: 'srv' | 'a';
  /** For `srv` its name: `http` asks for `_http._tcp.<name>`. For `a` its number. */
  readonly port: string | number;
  /** Whom to ask, by IP address; the system's servers by default. */
  readonly servers?: readonly Address[] | undefined;
  readonly clock?: Clock;
  readonly random?: Random;
}

type NewLookup = (of: { client: DnsClient; service: string; name: string }) => DnsLookup;

const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;
const portName = /^[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?$/i;

/** Where a platform keeps DNS records of its instances, as Kubernetes does for a headless Service. */
export class DnsRegistry extends WatchedRegistry {
  /** Throws `invalid_registry_url`, saying what is expected, for options that cannot be used. */
  constructor(options: DnsRegistryOptions) {
    const { servers, clock = systemClock, random = Math.random } = options;
    checkServers(servers);
    const template = readTemplate(options.name);
    const newLookup = readPort(options);
    super({
      openFeed: (service, sink) => {
        // One a service: `cancel` ends all that a client has under way.
        const client = new DnsClient(servers);
        const name = template.replaceAll('{service}', service);
        const lookup = newLookup({ client, service, name });
        return new DnsFeed({ client, lookup, service, sink, clock, random });
      },
      clock,
    });
  }
}

/** Without the dot at the end: each name is asked with one, so that no search domain is tried. */
function readTemplate(template: string): string {
  const name = template.replace(/\.$/, '');
  if (!name.includes('{service}')) {
    throw invalid(
      `the name '${template}' does not say where the service stands: put in '{service}'`,
    );
  }
  const example = name.replaceAll('{service}', 'x');
  if (example.length > 253 || !example.split('.').every((part) => label.test(part))) {
    throw invalid(
      `'${template}' is not a DNS name: expected labels of letters, digits and '-', 63 at most, between dots`,
    );
  }
  return name;
}

function readPort({ kind, port }: DnsRegistryOptions): NewLookup {
  if (kind === 'srv') {
    if (typeof port !== 'string' || !portName.test(port)) {
      throw invalid(`kind 'srv' takes the name of a port, such as 'http', and not '${port}'`);
    }
    return (of) => new SrvLookup({ ...of, port });
  }
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw invalid(`kind 'a' takes the number of a port, 1 to 65535, and not '${port}'`);
  }
  return (of) => new AddressLookup({ ...of, port });
}

function checkServers(servers: readonly Address[] | undefined): void {
  if (servers?.length === 0) throw invalid('no DNS server is given: name one, or leave them out');
  for (const server of servers ?? []) {
    checkAddress(server);
    if (isIP(server.host) === 0) {
      throw invalid(`the DNS server '${formatAddress(server)}' has to be given by its IP address`);
    }
  }
}

function invalid(message: string): DiscoveryError {
  return new DiscoveryError('invalid_registry_url', message);
}
