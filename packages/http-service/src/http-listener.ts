import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { Server as NetServer, type AddressInfo, type Socket } from 'node:net';
import { defaultDiscardLimits, LingeringResponse, type DiscardLimits } from './lingering-response';
import { Refusal } from './refusal';

export interface HttpListenerOptions {
  readonly handler: RequestListener;
  readonly port: number;
  /** All interfaces if absent. */
  readonly host: string | undefined;
  readonly limits?: Partial<HttpLimits>;
}

/** How long a client may take, and how much it may send that is not read. */
export interface HttpLimits extends DiscardLimits {
  /** Until the headers are here; 10,000 by default. */
  readonly headersTimeoutMs: number;
  /** Until the body is here too; 30,000 by default. */
  readonly requestTimeoutMs: number;
  /** How often the two are looked at; 1,000 by default. */
  readonly checkMs: number;
}

/**
 * How long clients are told to keep an idle connection. It is less than the 5 s for which a pod that stops serves on, so
 * that each connection is closed by its client, or by the response to its next request, before the server closes it.
 */
const advertisedKeepAliveMs = 4000;
/** How much longer the server keeps it: a load balancer that does not read the header keeps one for up to 60 s. */
const keepAliveBufferMs = 61_000;
const maxHeaderBytes = 16 * 1024;

/** An HTTP server with limits on slow and large requests, that stops without cutting off an answer. */
export class HttpListener {
  readonly #server: Server<typeof IncomingMessage, typeof LingeringResponse>;
  readonly #inFlight = new Set<LingeringResponse>();
  #onIdle: () => void = () => undefined;
  #closing = false;
  #port = 0;

  private constructor(handler: RequestListener, limits: Partial<HttpLimits>) {
    const discardLimits = { ...defaultDiscardLimits, ...limits };
    const refusal = new Refusal(maxHeaderBytes, discardLimits);
    const onRequest = (request: IncomingMessage, response: LingeringResponse) => {
      response.limits = discardLimits;
      this.#inFlight.add(response);
      response.once('close', () => {
        this.#inFlight.delete(response);
        if (this.#inFlight.size === 0) this.#onIdle();
      });
      if (this.#closing) response.setHeader('connection', 'close');
      handler(request, response);
    };
    this.#server = createServer(
      {
        ServerResponse: LingeringResponse,
        maxHeaderSize: maxHeaderBytes,
        headersTimeout: limits.headersTimeoutMs ?? 10_000,
        requestTimeout: limits.requestTimeoutMs ?? 30_000,
        keepAliveTimeout: advertisedKeepAliveMs,
        keepAliveTimeoutBuffer: keepAliveBufferMs,
        connectionsCheckingInterval: limits.checkMs ?? 1000,
      },
      onRequest,
    );
    // For a client that asks before it sends a body: the code that reads the body tells it to go on.
    this.#server.on('checkContinue', onRequest);
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      refusal.refuse(error, socket, this.#hasAnswered(socket));
    });
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
    // Ends the timer that looks for slow requests, which net.Server does not know.
    this.#server.close();
    await closed;
    return finished;
  }

  /** Whether a response has begun on this connection. */
  #hasAnswered(socket: Socket): boolean {
    return [...this.#inFlight].some(
      (response) => response.socket === socket && response.headersSent,
    );
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
