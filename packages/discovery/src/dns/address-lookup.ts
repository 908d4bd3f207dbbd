import { formatAddress } from '../address';
import { createInstance } from '../instance';
import type { DnsClient } from './dns-client';
import { type DnsAnswer, type DnsLookup, uniqueByAddress } from './dns-lookup';
import { HostAddresses } from './host-addresses';

export interface AddressLookupOptions {
  readonly client: DnsClient;
  readonly service: string;
  /** Without a dot at its end. */
  readonly name: string;
  readonly port: number;
}

/** A and AAAA records of one name, all on one port: a headless Service whose port is known. */
export class AddressLookup implements DnsLookup {
  readonly #options: AddressLookupOptions;
  readonly #hosts: HostAddresses;

  constructor(options: AddressLookupOptions) {
    this.#options = options;
    this.#hosts = new HostAddresses(options.client);
  }

  async resolve(signal: AbortSignal): Promise<DnsAnswer> {
    const { client, service, name, port } = this.#options;
    const host = await this.#hosts.resolve(name, signal);
    const { addresses, ttlSeconds, failure, answered } = host;
    if (failure !== undefined && (!answered || addresses.length === 0)) throw failure;
    if (addresses.length > 0) {
      const instances = addresses.map((host) =>
        createInstance({ id: formatAddress({ host, port }), service, host, port }),
      );
      return { instances: uniqueByAddress(instances), ttlSeconds, failure };
    }
    const emptyBecause =
      `'${name}.' has no A or AAAA record, says ${client.servers}: check the name; on Kubernetes the ` +
      'Service must be headless (clusterIP: None) and have a ready pod';
    return { instances: [], ttlSeconds, emptyBecause };
  }
}
