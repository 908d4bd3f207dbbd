import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Stands before a server and passes bytes, TLS unopened, until it is cut. */
export class TcpProxy {
  readonly port: number;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<Socket>();
  #server: Server;

  private constructor(target: { host: string; port: number }, server: Server) {
    this.#target = target;
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', this.#pass);
  }

  static async before(url: string): Promise<TcpProxy> {
    const { hostname, port } = new URL(url);
    const host = hostname.replace(/^\[|\]$/g, '');
    return new TcpProxy({ host, port: Number(port || 443) }, await listen(0));
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** Breaks every connection and refuses new ones. Twice is fine. */
  async cut(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Takes connections again. */
  async mend(): Promise<void> {
    if (this.#server.listening) return;
    this.#server = await listen(this.port);
    this.#server.on('connection', this.#pass);
  }

  readonly #pass = (near: Socket) => {
    const far = connect(this.#target);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  };
}

async function listen(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return server;
}
