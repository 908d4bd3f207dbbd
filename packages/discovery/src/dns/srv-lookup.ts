import type { SrvRecord } from 'node:dns';
import { formatAddress } from '../address';
import { createInstance, type Instance } from '../instance';
import { type DnsClient, DnsQueryError } from './dns-client';
import { type DnsAnswer, type DnsLookup, uniqueByAddress } from './dns-lookup';
import { type Host, HostAddresses } from './host-addresses';

export interface SrvLookupOptions {
  readonly client: DnsClient;
  readonly service: string;
  /** Without a dot at its end. */
  readonly name: string;
  /** A name: `http` asks for `_http._tcp.<name>`. */
  readonly port: string;
}

/** A weight of 0 beside others: RFC 2782 wants "a very small chance of being selected". */
const smallWeight = 0.01;

/** SRV records (RFC 2782), then the addresses of each target. */
export class SrvLookup implements DnsLookup {
  readonly #options: SrvLookupOptions;
  readonly #srvName: string;
  readonly #hosts: HostAddresses;

  constructor(options: SrvLookupOptions) {
    this.#options = options;
    this.#srvName = `_${options.port}._tcp.${options.name}.`;
    this.#hosts = new HostAddresses(options.client);
  }

  async resolve(signal: AbortSignal): Promise<DnsAnswer> {
    const records = await this.#options.client.srv(this.#srvName, signal);
    // A target of '.' says that the service is decidedly not offered.
    const targets = records.filter(({ name }) => name !== '');
    const names = [...new Set(targets.map(({ name }) => name))];
    const hosts = await this.#hosts.resolveAll(names, signal);
    const byName = new Map(hosts.map((host) => [host.name, host]));
    let failure: DnsQueryError | undefined;
    for (const group of byPriority(targets)) {
      // Of several targets that failed the same one each time, so that the failure is the same too.
      failure ??= this.#failureOf(group, byName);
      const instances = this.#instances(group, byName);
      if (instances.length === 0) continue;
      const used = group.map(({ name }) => byName.get(name)?.ttlSeconds ?? Infinity);
      return { instances, ttlSeconds: Math.min(...used), failure };
    }
    if (failure !== undefined) throw failure;
    return {
      instances: [],
      ttlSeconds: Infinity,
      emptyBecause: await this.#whyEmpty(records, names, signal),
    };
  }

  #instances(group: readonly SrvRecord[], byName: ReadonlyMap<string, Host>): Instance[] {
    const { service } = this.#options;
    const noneWeighs = group.every(({ weight }) => weight === 0);
    const instances = group
      .filter(({ port }) => port > 0)
      .flatMap(({ name, port, weight }) =>
        (byName.get(name)?.addresses ?? []).map((host) =>
          createInstance({
            id: formatAddress({ host, port }),
            service,
            host,
            port,
            weight: noneWeighs ? 1 : weight === 0 ? smallWeight : weight,
            labels: { target: name },
          }),
        ),
      );
    return uniqueByAddress(instances);
  }

  #failureOf(
    group: readonly SrvRecord[],
    byName: ReadonlyMap<string, Host>,
  ): DnsQueryError | undefined {
    const portless = group.find(({ port }) => port === 0);
    if (portless !== undefined) {
      return new DnsQueryError(
        `'${this.#srvName}' SRV has port 0 for '${portless.name}', which is left out: ` +
          'give it a port, or use kind=a&port=<number>',
        'bad_answer',
      );
    }
    return group
      .map(({ name }) => byName.get(name)?.failure)
      .find((reason) => reason !== undefined);
  }

  async #whyEmpty(
    records: readonly SrvRecord[],
    names: readonly string[],
    signal: AbortSignal,
  ): Promise<string> {
    const { client, name, port } = this.#options;
    const says = `says ${client.servers}`;
    if (names.length > 0) {
      const some = names.slice(0, 3).join(`', '`);
      return `the targets of '${this.#srvName}' SRV have no addresses ('${some}'), ${says}`;
    }
    if (records.length > 0) return `'${this.#srvName}' SRV is '.': it is not offered, ${says}`;
    // Only to explain: whether a name answers that has no such port.
    const host = await this.#hosts.resolve(name, signal);
    return host.addresses.length > 0
      ? `'${name}.' has addresses but no SRV record '${this.#srvName}', ${says}: ` +
          `name the Service's port '${port}', or use kind=a&port=<number>`
      : `there is no SRV record '${this.#srvName}', and '${name}.' has no addresses, ${says}: check ` +
          'the name; on Kubernetes the Service must be headless (clusterIP: None) and have a ready pod';
  }
}

/** The records of each priority, the best (lowest) first; in each ordered by target, heavier first. */
function byPriority(records: readonly SrvRecord[]): SrvRecord[][] {
  const ordered = records.toSorted(
    (a, b) =>
      a.priority - b.priority ||
      (a.name < b.name ? -1 : a.name > b.name ? 1 : b.weight - a.weight || a.port - b.port),
  );
  const priorities = new Set(ordered.map(({ priority }) => priority));
  return [...priorities].map((best) => ordered.filter(({ priority }) => priority === best));
}
