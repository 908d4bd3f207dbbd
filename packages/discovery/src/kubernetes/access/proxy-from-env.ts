import { noConfig } from './kubeconfig-entry';
import { BlockList, isIP, isIPv6 } from 'node:net';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that the environment means for a server, by the rules of Go's net/http and so of kubectl
 * (https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config): `HTTPS_PROXY` for https, `HTTP_PROXY` for http, none
 * for localhost and what `NO_PROXY` names. Throws a `SourceFailure` if the proxy is no URL.
 */
export function proxyFromEnv(server: string, env: Environment): string | undefined {
  const { protocol, hostname, port } = new URL(server);
  const name = protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const proxy = read(env, name);
  // In a CGI program the variable comes from a header of the request.
  if (proxy === undefined || (name === 'HTTP_PROXY' && env['REQUEST_METHOD'])) return undefined;
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const realPort = port || (protocol === 'https:' ? '443' : '80');
  if (isLocal(host) || isExempt(host, realPort, read(env, 'NO_PROXY') ?? '')) return undefined;
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
  // A SOCKS proxy resolves names in either case, as for Go.
  return checkProxy(url.replace(/^socks5h:/i, 'socks5:'), (reason) =>
    noConfig(`${name} ${reason}`),
  );
}

/** Throws what `refuse` makes of the reason why a proxy cannot be used; its password is not told. */
export function checkProxy(proxy: string, refuse: (reason: string) => Error): string {
  const url = URL.parse(proxy);
  if (url === null || !['http:', 'https:', 'socks5:'].includes(url.protocol) || url.host === '') {
    throw refuse(
      `is not the URL of a proxy: write http://HOST:PORT, or https:// or socks5:// instead of http://`,
    );
  }
  if (/%(?![0-9a-f]{2})/i.test(`${url.username}${url.password}`)) {
    throw refuse('has a user or password with a % that is not percent-encoded: write %25');
  }
  return proxy;
}

function read(env: Environment, name: string): string | undefined {
  return [env[name], env[name.toLowerCase()]].find((value) => value !== undefined && value !== '');
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLocal(host: string): boolean {
  return host === 'localhost' || includes(loopback, host);
}

function isExempt(host: string, port: string, list: string): boolean {
  const entries = list.split(',').map((entry) => entry.trim().toLowerCase());
  return entries.some((entry) => entry === '*' || matches(host, port, entry));
}

/** An entry of `NO_PROXY`: a block of addresses, or an address or domain with or without a port. */
function matches(host: string, port: string, entry: string): boolean {
  const [network = '', bits] = entry.split('/');
  if (bits !== undefined && isIP(network) !== 0) return isInBlock(host, network, Number(bits));
  const parts = /^(?<name>\[.*\]|[^:]*):(?<port>\d+)$/.exec(entry)?.groups;
  const name = (parts?.['name'] ?? entry).replace(/^\[(.*)\]$/, '$1');
  if (name === '' || (parts?.['port'] ?? port) !== port) return false;
  if (isIP(name) !== 0) {
    const only = new BlockList();
    only.addAddress(name, isIPv6(name) ? 'ipv6' : 'ipv4');
    return includes(only, host);
  }
  // `.example.com` and `*.example.com` are the names below it; `example.com` is that one as well.
  const below = name.replace(/^\*(?=\.)/, '');
  return below.startsWith('.')
    ? host.endsWith(below)
    : host === below || host.endsWith(`.${below}`);
}

function isInBlock(host: string, network: string, bits: number): boolean {
  const most = isIPv6(network) ? 128 : 32;
  if (!Number.isInteger(bits) || bits < 0 || bits > most) return false;
  const block = new BlockList();
  block.addSubnet(network, bits, isIPv6(network) ? 'ipv6' : 'ipv4');
  return includes(block, host);
}

function includes(list: BlockList, host: string): boolean {
  return isIP(host) !== 0 && list.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');
}
