import { inspect } from 'node:util';
import { isIP, isIPv6 } from 'node:net';
import { DiscoveryError } from './discovery-error';

/** Where something listens. An IPv6 host stands without brackets; they are for text only. */
export interface Address {
  /** An IP address or a name. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** `host:port` as URLs write it: an IPv6 host in brackets. */
export function formatAddress({ host, port }: Address): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

const hostAndPort = /^(?:\[(?<v6>[^\]]+)\]|(?<name>[^:[\]/?#@\s]+)):(?<port>\d{1,5})$/;

/** Reads `host:port` or `[ipv6]:port`; throws `invalid_address` naming what is wrong. */
export function parseAddress(text: string): Address {
  const { v6, name, port } = hostAndPort.exec(text)?.groups ?? {};
  const host = v6 ?? name;
  if (host === undefined || port === undefined || (v6 !== undefined && !isIPv6(v6))) {
    throw new DiscoveryError(
      'invalid_address',
      `'${text}' is not an address: expected host:port or [ipv6]:port`,
    );
  }
  const address = { host, port: Number(port) };
  checkAddress(address);
  return address;
}

/** Throws `invalid_address` unless the host can stand in a URL and the port is 1 to 65535. */
export function checkAddress(address: Address): void {
  // In plain JavaScript it may be anything.
  const value: unknown = address;
  if (typeof value !== 'object' || value === null) {
    throw new DiscoveryError(
      'invalid_address',
      `${inspect(value)} is not an address: expected an object with 'host' and 'port'`,
    );
  }
  const { host, port } = address;
  if (host === '') throw new DiscoveryError('invalid_address', 'the host is empty');
  if (!isHost(host)) {
    throw new DiscoveryError('invalid_address', `'${host}' is not a host that can be called`);
  }
  if (!isPort(port)) {
    const shown = (typeof port as unknown) === 'string' ? `the text '${String(port)}'` : port;
    throw new DiscoveryError('invalid_address', `${shown} is not a port: expected 1 to 65535`);
  }
}

/** Whether `checkAddress` would take it. */
export function isAddress({ host, port }: Address): boolean {
  return isHost(host) && isPort(port);
}

const urlHost = /^[^\s:/?#@[\]\\]+$/;

function isHost(host: string): boolean {
  // Most are addresses, and in a large set each one is checked. One with a zone, as fe80::1%eth0, cannot stand in a URL.
  return (
    (typeof host as unknown) === 'string' &&
    ((isIP(host) !== 0 && !host.includes('%')) ||
      (urlHost.test(host) && URL.canParse(`http://${host}`)))
  );
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}
