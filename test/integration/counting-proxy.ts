import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands before a server and counts what is asked of it. */
export class CountingProxy {
  /** Method and path, without the query, of every request. */
  readonly seen: string[] = [];
  readonly #server: Server;

  private constructor(targetPort: number) {
    this.#server = createServer((incoming, outgoing) => {
      const { method, url = '/', headers } = incoming;
      this.seen.push(`${method ?? ''} ${url.split('?')[0] ?? ''}`);
      const onward = request(
        { host: '127.0.0.1', port: targetPort, method, path: url, headers },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
        },
      );
      onward.on('error', () => outgoing.destroy());
      outgoing.on('close', () => onward.destroy());
      incoming.pipe(onward);
    });
  }

  static async before(targetPort: number): Promise<CountingProxy> {
    const proxy = new CountingProxy(targetPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
