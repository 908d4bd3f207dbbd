import { createInstance, type Instance } from '@movies/discovery';
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export type Behaviour = (request: IncomingMessage, response: ServerResponse) => void;

/** Answers with this status, and `ok` as the body unless told otherwise. */
export function answer(
  status: number,
  { headers = {}, body = 'ok' }: { headers?: Record<string, string>; body?: string } = {},
): Behaviour {
  return (_request, response) => {
    response.writeHead(status, headers).end(body);
  };
}

/** Takes the request and says nothing. */
export const hang: Behaviour = () => undefined;

/** Breaks the connection before the first byte of an answer. */
export const reset: Behaviour = ({ socket }) => {
  socket.resetAndDestroy();
};

/** A real HTTP server that remembers what it was asked and behaves as told. */
export class Origin {
  readonly id: string;
  readonly requests: IncomingMessage[] = [];
  /** What it does with a request; may be changed at any time. */
  behaviour: Behaviour = answer(200);
  readonly #server = createServer((request, response) => {
    this.requests.push(request);
    // So that a request with a body ends.
    request.resume();
    this.behaviour(request, response);
    this.#events.emit('change');
  });
  readonly #sockets = new Set<Socket>();
  readonly #events = new EventEmitter();

  private constructor(id: string) {
    this.id = id;
    this.#events.setMaxListeners(0);
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.#sockets.delete(socket);
        this.#events.emit('change');
      });
    });
  }

  static async listen(id: string, host = '127.0.0.1'): Promise<Origin> {
    const origin = new Origin(id);
    origin.#server.listen(0, host);
    await once(origin.#server, 'listening');
    return origin;
  }

  instance(fields: Partial<Instance> = {}): Instance {
    const { address, port } = this.#server.address() as AddressInfo;
    return createInstance({ id: this.id, service: 'movies', host: address, port, ...fields });
  }

  /** Resolves once it has been asked `count` times. */
  async asked(count: number): Promise<void> {
    while (this.requests.length < count) await once(this.#events, 'change');
  }

  /** Resolves once nobody is connected. */
  async deserted(): Promise<void> {
    while (this.#sockets.size > 0) await once(this.#events, 'change');
  }

  /** As if its process died: every connection breaks, and new ones are refused. */
  kill(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.kill();
    await this.deserted();
  }

  /** One header of each request, in the order they came. */
  header(name: string): (string | string[] | undefined)[] {
    return this.requests.map(({ headers }) => headers[name]);
  }
}
