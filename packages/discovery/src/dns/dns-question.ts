import type { SrvRecord } from 'node:dns';
import { LimitedSignal, type Clock } from '@movies/time';
import type { DnsClient, Family } from './dns-client';

/** A host that serves, and how: as an SRV record (RFC 2782) says it. */
export interface Served extends Pick<SrvRecord, 'name' | 'port' | 'priority' | 'weight'> {
  /** Of its instances. */
  readonly labels: Readonly<Record<string, string>>;
}

/** What is asked of DNS, but for the addresses. */
export interface DnsQuestion {
  /** The name and type, for messages. */
  readonly text: string;
  /** The hosts whose addresses make the set. Rejects with `SourceFailure`. */
  hosts(signal: AbortSignal): Promise<readonly Served[]>;
  /** Why there is no instance, and what to look at; `hosts` as they were answered. */
  whyEmpty(hosts: readonly Served[], signal: AbortSignal): Promise<string>;
}

export interface DnsQuestionOptions {
  readonly client: DnsClient;
  readonly families: readonly Family[];
  /** Without a dot at its end. */
  readonly name: string;
  readonly clock: Clock;
}

/** How long an explanation is waited for. */
const explainMs = 500;

const advice = 'on Kubernetes the Service must be headless (clusterIP: None) and have a ready pod';

/** The A and AAAA records of one name, all on one port: a headless Service whose port is known. */
export function askAddresses(
  { client, families, name }: DnsQuestionOptions,
  port: number,
): DnsQuestion {
  const types = families.map(typeOf);
  return {
    text: `'${name}.' ${types.join(' and ')}`,
    hosts: () => Promise.resolve([{ name, port, priority: 0, weight: 0, labels: {} }]),
    whyEmpty: () =>
      Promise.resolve(
        `'${name}.' has no ${types.join(' or ')} record, says ${client.servers}: check the name; ${advice}`,
      ),
  };
}

/** The SRV records of a named port: `http` asks for `_http._tcp.<name>`. */
export function askSrv(
  { client, families, name, clock }: DnsQuestionOptions,
  port: string,
): DnsQuestion {
  const srvName = `_${port}._tcp.${name}.`;
  /** Only to explain, so that it may be false because nothing came in time. */
  const hasAddresses = async (signal: AbortSignal): Promise<boolean> => {
    using limited = new LimitedSignal(signal, explainMs, clock);
    const asked = families.map(async (family) => {
      const { records } = await client.addresses(`${name}.`, family, limited.signal);
      if (records.length === 0) throw new Error('none');
    });
    return await Promise.any(asked).then(
      () => true,
      () => false,
    );
  };
  return {
    text: `'${srvName}' SRV`,
    hosts: async (signal) => {
      const { records } = await client.srv(srvName, signal);
      return records.map((record) => ({ ...record, labels: { target: record.name } }));
    },
    whyEmpty: async (hosts, signal) => {
      const says = `says ${client.servers}`;
      const names = [...new Set(hosts.map((host) => host.name))].filter((each) => each !== '');
      if (names.length > 0) {
        const some = names.slice(0, 3).join(`', '`);
        return `the targets of '${srvName}' SRV have no addresses ('${some}'), ${says}`;
      }
      if (hosts.length > 0) return `'${srvName}' SRV is '.': it is not offered, ${says}`;
      return (await hasAddresses(signal))
        ? `'${name}.' has addresses but no SRV record '${srvName}', ${says}: ` +
            `name the Service's port '${port}', or use kind=a&port=<number>`
        : `there is no SRV record '${srvName}', and '${name}.' has no addresses, ${says}: check ` +
            `the name; ${advice}`;
    },
  };
}

export function typeOf(family: Family): 'A' | 'AAAA' {
  return family === 4 ? 'A' : 'AAAA';
}
