import { createServer, type RequestListener, type Server } from 'node:http';
import { Server as NetServer, type AddressInfo, type Socket } from 'node:net';
import { problemOfStatus } from './problem';

export interface HttpListenerOptions {
  readonly handler: RequestListener;
  readonly port: number;
  /** All interfaces if absent. */
  readonly host: string | undefined;
  readonly limits?: HttpLimits;
}

/** What a client may take: slower ones get 408. */
export interface HttpLimits {
  readonly headersTimeoutMs: number;
  /** From the first byte to the last of the request, the body included. */
  readonly requestTimeoutMs: number;
}

/** Clients keep idle connections for at most 30 s: the server must be the one that waits longer. */
const keepAliveTimeoutMs = 65_000;
const maxHeaderBytes = 16 * 1024;
const defaultLimits: HttpLimits = { headersTimeoutMs: 10_000, requestTimeoutMs: 30_000 };

/** An HTTP server with limits on slow and large requests, that stops without cutting off an answer. */
export class HttpListener {
  readonly #server: Server;
  #port = 0;
  #inFlight = 0;
  #onIdle: () => void = () => undefined;
  #closing = false;

  private constructor(handler: RequestListener, limits: HttpLimits) {
    this.#server = createServer(
      {
        maxHeaderSize: maxHeaderBytes,
        headersTimeout: limits.headersTimeoutMs,
        requestTimeout: limits.requestTimeoutMs,
        keepAliveTimeout: keepAliveTimeoutMs,
        connectionsCheckingInterval: Math.min(1000, limits.headersTimeoutMs),
      },
      (request, response) => {
        this.#inFlight += 1;
        response.once('close', () => {
          this.#inFlight -= 1;
          if (this.#inFlight === 0) this.#onIdle();
        });
        if (this.#closing) response.setHeader('connection', 'close');
        handler(request, response);
      },
    );
    this.#server.on('clientError', refuse);
  }

  /** Resolves once it accepts connections; rejects with the system's error, as EADDRINUSE. */
  static async listen(options: HttpListenerOptions): Promise<HttpListener> {
    const { handler, port, host, limits = defaultLimits } = options;
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

  /** The port it is bound to, or was before it closed. */
  get port(): number {
    return this.#port;
  }

  /** Serves on, but asks clients to leave: each answer closes its connection. */
  beginClosing(): void {
    this.#closing = true;
  }

  /**
   * Accepts no more connections, lets what is in flight finish, then closes the idle ones. Resolves to
   * whether everything was answered within `timeoutMs`; what was not is cut off.
   */
  async close(timeoutMs: number): Promise<boolean> {
    this.beginClosing();
    // http.Server's own close cuts idle connections first, and with them a request that is on its way
    // there (nodejs/node#60617); they stay until the last answer is out.
    NetServer.prototype.close.call(this.#server);
    const finished = await this.#idle(timeoutMs);
    this.#server.closeAllConnections();
    return finished;
  }

  #idle(timeoutMs: number): Promise<boolean> {
    if (this.#inFlight === 0) return Promise.resolve(true);
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
