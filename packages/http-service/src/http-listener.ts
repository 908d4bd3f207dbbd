import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { Server as NetServer, type AddressInfo, type Socket } from 'node:net';
import { problemOfStatus } from './problem';

export interface HttpListenerOptions {
  readonly handler: RequestListener;
  readonly port: number;
  /** All interfaces if absent. */
  readonly host: string | undefined;
  readonly limits?: Partial<HttpLimits>;
}

/** How long a client may take. */
export interface HttpLimits {
  /** Until the headers are here; 10,000 by default. */
  readonly headersTimeoutMs: number;
  /** Until the body is here too; 30,000 by default. */
  readonly requestTimeoutMs: number;
  /** How often the two are looked at; 1,000 by default. */
  readonly checkMs: number;
}

/** Clients keep idle connections for at most 30 s: the server must be the one that waits longer. */
const keepAliveTimeoutMs = 65_000;
const maxHeaderBytes = 16 * 1024;

/** An HTTP server with limits on slow and large requests, that stops without cutting off an answer. */
export class HttpListener {
  readonly #server: Server;
  readonly #inFlight = new Set<ServerResponse>();
  #onIdle: () => void = () => undefined;
  #closing = false;
  #port = 0;

  private constructor(handler: RequestListener, limits: Partial<HttpLimits>) {
    this.#server = createServer(
      {
        maxHeaderSize: maxHeaderBytes,
        headersTimeout: limits.headersTimeoutMs ?? 10_000,
        requestTimeout: limits.requestTimeoutMs ?? 30_000,
        keepAliveTimeout: keepAliveTimeoutMs,
        connectionsCheckingInterval: limits.checkMs ?? 1000,
      },
      (request, response) => {
        this.#inFlight.add(response);
        response.once('close', () => {
          this.#inFlight.delete(response);
          if (this.#inFlight.size === 0) this.#onIdle();
        });
        if (this.#closing) response.setHeader('connection', 'close');
        handler(request, response);
      },
    );
    this.#server.on('clientError', refuse);
  }

  /** Resolves once it accepts connections; rejects with the system's error, as EADDRINUSE. */
  static async listen(options: HttpListenerOptions): Promise<HttpListener> {
    const { handler, port, host, limits = {} } = options;
    const listener = new HttpListener(handler, limits);
    const server = listener.#server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        server.off('error', reject);
        listener.#port = (server.address() as AddressInfo).port;
        resolve();
      });
    });
    return listener;
  }

  /** The port it is bound to, or was. */
  get port(): number {
    return this.#port;
  }

  /** Serves on, but asks clients to leave: each answer closes its connection. */
  beginClosing(): void {
    this.#closing = true;
    for (const response of this.#inFlight) {
      if (!response.headersSent) response.setHeader('connection', 'close');
    }
  }

  /**
   * Accepts no more connections, lets what is in flight finish, then closes the idle ones. Resolves to
   * whether everything was answered within `timeoutMs`; what was not is cut off.
   */
  async close(timeoutMs: number): Promise<boolean> {
    this.beginClosing();
    // http.Server's own close cuts idle connections first, and with them a request that is on its way
    // there (nodejs/node#60617); they stay until the last answer is out.
    const closed = once(this.#server, 'close');
    NetServer.prototype.close.call(this.#server);
    const finished = await this.#idle(timeoutMs);
    this.#server.closeAllConnections();
    // Ends the timer that looks for slow requests, which net.Server knows nothing of.
    this.#server.close();
    await closed;
    return finished;
  }

  #idle(timeoutMs: number): Promise<boolean> {
    if (this.#inFlight.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        resolve(false);
      }, timeoutMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}

/** Answers what never became a request: too large a header, too slow, not HTTP. */
function refuse({ code }: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const problem = problemOfStatus(...refusalOf(code));
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function refusalOf(code: string | undefined): [status: number, detail: string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [431, `the headers are larger than ${maxHeaderBytes} bytes`];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'the request was not complete in time'];
    default:
      return [400, 'this is not an HTTP request'];
  }
}
