import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Address } from '@movies/discovery';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A real server whose behaviour a test sets, and may change while it runs. */
export class ScriptedServer {
  /** Every request, as it arrived. */
  readonly requests: IncomingMessage[] = [];
  handler: Handler;
  readonly #server: Server;

  private constructor(handler: Handler) {
    this.handler = handler;
    this.#server = createServer((request, response) => {
      this.requests.push(request);
      this.#server.emit('asked');
      this.handler(request, response);
    });
  }

  /** Answers with this status and JSON body until `handler` is set. */
  static async answering(status: number, body: unknown): Promise<ScriptedServer> {
    const server = new ScriptedServer((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get address(): Address {
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  /** Resolves once `count` requests have arrived. */
  async asked(count: number): Promise<void> {
    while (this.requests.length < count) await once(this.#server, 'asked');
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
