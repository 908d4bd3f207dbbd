import { connect, isIPv4, isIPv6, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { messageOf } from '../../adapter/message-of';

/** An end of TCP: a name or an address without brackets, and a port. */
export interface TunnelEnd {
  readonly hostname: string;
  readonly port: number;
}

export interface ProxyConnectionOptions {
  /** For a proxy with `https://`. */
  readonly tls: ConnectionOptions;
  /** How long connection and tunnel may take together, in milliseconds of real time. */
  readonly timeoutMs: number;
  /** Called with the socket before it is connected. To destroy it ends the attempt. */
  readonly onSocket: (socket: Socket) => void;
}

const maxReplyBytes = 16 * 1024;
const defaultPorts: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
const socksPort = 1080;

/**
 * A socket to a proxy, or through it to `end` if there is one: by CONNECT (RFC 9110, section 9.3.6), or for `socks5://`
 * by SOCKS 5 (RFC 1928), where the proxy resolves a name. Rejects with an error that names the proxy, without its user
 * and password.
 */
export async function connectToProxy(
  proxy: URL,
  end: TunnelEnd | undefined,
  { tls, timeoutMs, onSocket }: ProxyConnectionOptions,
): Promise<Socket> {
  const isTls = proxy.protocol === 'https:';
  const server = {
    host: proxy.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(proxy.port) || (defaultPorts[proxy.protocol] ?? socksPort),
  };
  const socket = isTls
    ? connectTls({ ALPNProtocols: ['http/1.1'], ...tls, ...server })
    : connect(server);
  socket.setNoDelay(true).setKeepAlive(true, 30_000);
  onSocket(socket);
  const broken = new Promise<never>((_, reject) => {
    // Also for what comes after the tunnel is made, which is the failure of what goes through it.
    socket.on('error', reject);
    socket.once('close', () => {
      reject(new Error('it closed the connection'));
    });
  });
  broken.catch(() => undefined);
  const timer = setTimeout(() => {
    socket.destroy(new Error(`it does not answer within ${timeoutMs / 1000} s`));
  }, timeoutMs);
  try {
    const connected = new Promise((resolve) => {
      socket.once(isTls ? 'secureConnect' : 'connect', resolve);
    });
    await Promise.race([connected, broken]);
    const ask: Ask = (request, lengthOf) =>
      Promise.race([exchange(socket, request, lengthOf), broken]);
    if (end !== undefined) {
      await (proxy.protocol === 'socks5:' ? askSocks(ask, proxy, end) : askHttp(ask, proxy, end));
    }
    return socket;
  } catch (cause: unknown) {
    socket.destroy();
    throw new Error(`the proxy ${proxy.protocol}//${proxy.host}: ${messageOf(cause)}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

/** The `proxy-authorization` for the user and password in the URL of a proxy; `undefined` if there are none. */
export function proxyAuthorization({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

/** Sends a request, and reads one reply, whose length `lengthOf` tells once it can. */
type Ask = (request: Buffer, lengthOf: LengthOf) => Promise<Buffer>;
type LengthOf = (got: Buffer) => number | undefined;

async function exchange(socket: Socket, request: Buffer, lengthOf: LengthOf): Promise<Buffer> {
  socket.write(request);
  let got = Buffer.alloc(0);
  let onReadable: () => void = () => undefined;
  const length = await new Promise<number>((resolve, reject) => {
    onReadable = () => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      got = Buffer.concat([got, chunk]);
      const end = lengthOf(got);
      if (end !== undefined && got.length >= end) resolve(end);
      else if (got.length > maxReplyBytes) reject(new Error('its reply does not end'));
    };
    socket.on('readable', onReadable);
  }).finally(() => socket.off('readable', onReadable));
  // What the server behind it says already.
  if (got.length > length) socket.unshift(got.subarray(length));
  return got.subarray(0, length);
}

async function askHttp(ask: Ask, proxy: URL, { hostname, port }: TunnelEnd): Promise<void> {
  const target = `${isIPv6(hostname) ? `[${hostname}]` : hostname}:${port}`;
  const authorization = proxyAuthorization(proxy);
  const lines = [
    `CONNECT ${target} HTTP/1.1`,
    `Host: ${target}`,
    ...(authorization === undefined ? [] : [`Proxy-Authorization: ${authorization}`]),
  ];
  const reply = await ask(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), (got) => {
    const end = got.indexOf('\r\n\r\n');
    return end === -1 ? undefined : end + 4;
  });
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(reply.toString('latin1'))?.[1];
  if (status === undefined) throw new Error('it does not speak HTTP/1.1');
  if (status === '407') throw new Error('it answered 407: its URL needs another user and password');
  if (!status.startsWith('2')) throw new Error(`it answered ${status} to CONNECT ${target}`);
}

/** Those of RFC 1928, section 6. */
const socksReplies: Readonly<Record<number, string>> = {
  1: 'general failure',
  2: 'connection not allowed by its rules',
  3: 'network unreachable',
  4: 'host unreachable',
  5: 'connection refused',
  6: 'TTL expired',
  7: 'command not supported',
  8: 'address type not supported',
};

async function askSocks(ask: Ask, proxy: URL, { hostname, port }: TunnelEnd): Promise<void> {
  const [user, password] = [proxy.username, proxy.password].map((part) =>
    lengthAndBytes(Buffer.from(decodeURIComponent(part))),
  ) as [Buffer, Buffer];
  const methods = proxy.username === '' ? [0] : [0, 2];
  const chosen = await ask(Buffer.from([5, methods.length, ...methods]), () => 2);
  if (chosen[0] !== 5) throw new Error('it does not speak SOCKS 5');
  if (!methods.includes(chosen[1] ?? 0xff)) {
    throw new Error('it wants another way to authenticate: write user and password in its URL');
  }
  if (chosen[1] === 2) {
    // RFC 1929.
    const allowed = await ask(Buffer.concat([Buffer.from([1]), user, password]), () => 2);
    if (allowed[1] !== 0) throw new Error('it refuses the user and password of its URL');
  }
  const reply = await ask(
    Buffer.concat([
      Buffer.from([5, 1, 0]),
      socksAddress(hostname),
      Buffer.from([port >> 8, port & 0xff]),
    ]),
    // A failure may come without the address.
    (got) => (got.length >= 2 && got[1] !== 0 ? got.length : socksReplyLength(got)),
  );
  const code = reply[1] ?? 1;
  if (code !== 0) {
    throw new Error(`it cannot connect: ${socksReplies[code] ?? `reply ${code}`}`);
  }
}

function socksReplyLength(got: Buffer): number | undefined {
  const [, , , type, nameLength] = got;
  if (type === 1) return 10;
  if (type === 4) return 22;
  return nameLength === undefined ? undefined : 7 + nameLength;
}

/** Type and address; a name is resolved by the proxy. */
function socksAddress(hostname: string): Buffer {
  if (isIPv4(hostname)) return Buffer.from([1, ...hostname.split('.').map(Number)]);
  if (!isIPv6(hostname)) {
    return Buffer.concat([Buffer.from([3]), lengthAndBytes(Buffer.from(hostname))]);
  }
  // As a URL has it: without an IPv4 address at its end.
  const [before = [], after = []] = hostname
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  const groups = [...before, ...zeros, ...after].map((group) => parseInt(group, 16));
  return Buffer.from([4, ...groups.flatMap((group) => [group >> 8, group & 0xff])]);
}

function lengthAndBytes(bytes: Buffer): Buffer {
  if (bytes.length > 255) throw new Error('SOCKS 5 has names of at most 255 bytes');
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}
