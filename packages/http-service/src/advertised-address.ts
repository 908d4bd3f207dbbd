import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { DiscoveryError, formatAddress, type Address } from '@movies/discovery';
import type { AdvertisedAddress } from './service-settings';

export interface AdvertisedAddressSources {
  /** What the user said. */
  readonly advertise: AdvertisedAddress | undefined;
  /** Where the server listens; its host is absent if that is all interfaces. */
  readonly host: string | undefined;
  readonly port: number;
  /** The registry agent that is asked for instances; absent where the registry is not on the network. */
  readonly agent: Address | undefined;
  /** The pod's address, in a pod. */
  readonly podIp: string | undefined;
}

/**
 * Where others can reach this instance: as told, else the pod, else the bound host, else as the agent sees
 * this machine. Rejects with `registry_unavailable` if there is no way to the agent.
 */
export async function findAdvertisedAddress(sources: AdvertisedAddressSources): Promise<Address> {
  const { advertise, host, port, agent, podIp } = sources;
  if (advertise !== undefined) return { host: advertise.host, port: advertise.port ?? port };
  if (podIp !== undefined) return { host: podIp, port };
  if (host !== undefined && !isUnspecified(host)) return { host, port };
  if (agent === undefined || isLoopback(agent.host)) return { host: '127.0.0.1', port };
  return { host: await localAddressTowards(agent), port };
}

function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** The address this machine would send from; connecting a UDP socket sends nothing. */
async function localAddressTowards(agent: Address): Promise<string> {
  const { host, port } = agent;
  const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
  try {
    socket.connect(port, host);
    await once(socket, 'connect');
    return socket.address().address;
  } catch (cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DiscoveryError(
      'registry_unavailable',
      `there is no way to the agent ${formatAddress(agent)}: ${reason}`,
      { cause },
    );
  } finally {
    socket.close();
  }
}
