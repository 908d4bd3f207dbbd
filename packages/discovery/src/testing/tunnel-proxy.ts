import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { selfSigned } from './self-signed';

/**
 * A proxy that makes tunnels: by HTTP's CONNECT, with or without TLS, or SOCKS 5. Every tunnel ends at 127.0.0.1,
 * whatever the name of its end, so that servers may have names that no DNS knows.
 */
export class TunnelProxy {
  /** Host and port of every tunnel that was asked for. */
  readonly targets: string[] = [];
  /** Whether it says nothing to those who connect from now on. */
  isSilent = false;
  /** What it answers to CONNECT in place of a tunnel. */
  refusal: number | undefined;
  /** What was said to be allowed to, by CONNECT; or `USER:PASSWORD` by SOCKS, which asks for them if they are offered. */
  readonly authorizations: (string | undefined)[] = [];
  /** The certificate of a proxy with TLS. */
  readonly ca: string;
  readonly #scheme: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(scheme: 'http' | 'https' | 'socks5') {
    const tls = selfSigned({ commonName: 'a proxy' });
    this.ca = tls.cert;
    this.#scheme = scheme;
    this.#server =
      scheme === 'socks5'
        ? createServer((socket) => void this.#serveSocks(socket))
        : scheme === 'http'
          ? createHttpServer()
          : createHttpsServer(tls);
    this.#server.on('connection', (socket: Socket) => this.#keep(socket));
    this.#server.on('connect', (request: IncomingMessage, socket: Socket) => {
      this.#keep(socket);
      if (this.isSilent) {
        socket.once('end', () => socket.destroy()).resume();
        return;
      }
      this.authorizations.push(request.headers['proxy-authorization']);
      if (this.refusal !== undefined) {
        socket.end(`HTTP/1.1 ${this.refusal} no\r\n\r\n`);
        return;
      }
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      this.#tunnel(socket, request.url ?? '');
    });
  }

  static async start(scheme: 'http' | 'https' | 'socks5' = 'http'): Promise<TunnelProxy> {
    const proxy = new TunnelProxy(scheme);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get openSockets(): number {
    return this.#sockets.size;
  }

  /** Ends every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    return socket
      .on('error', () => socket.destroy())
      .on('close', () => this.#sockets.delete(socket));
  }

  #tunnel(socket: Socket, target: string): void {
    this.targets.push(target);
    const onward = this.#keep(connect(Number(target.split(':').at(-1)), '127.0.0.1'));
    socket.pipe(onward).pipe(socket);
    socket.on('close', () => onward.destroy());
    onward.on('close', () => socket.destroy());
  }

  /** RFC 1928: a greeting, perhaps a password, then one request to connect to a name or an IPv4 address. */
  async #serveSocks(socket: Socket): Promise<void> {
    this.#keep(socket);
    const [greeting] = (await once(socket, 'data')) as [Buffer];
    if (this.isSilent) return;
    const method = greeting.subarray(2).includes(2) ? 2 : 0;
    socket.write(Buffer.from([5, method]));
    if (method === 2) {
      const [given] = (await once(socket, 'data')) as [Buffer];
      const length = given[1] ?? 0;
      const [user, password] = [given.subarray(2, 2 + length), given.subarray(3 + length)];
      this.authorizations.push(`${user.toString()}:${password.toString()}`);
      socket.write(Buffer.from([1, 0]));
    }
    const [request] = (await once(socket, 'data')) as [Buffer];
    if (this.refusal !== undefined) {
      socket.end(Buffer.from([5, this.refusal, 0, 1, 0, 0, 0, 0, 0, 0]));
      return;
    }
    socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
    const isName = request[3] === 3;
    const end = isName ? 5 + (request[4] ?? 0) : 8;
    const host = isName ? request.toString('latin1', 5, end) : request.subarray(4, end).join('.');
    this.#tunnel(socket, `${host}:${request.readUInt16BE(end)}`);
  }
}
