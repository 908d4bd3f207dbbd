import { once } from 'node:events';
import {
  constants,
  createSecureServer,
  type Http2ServerRequest,
  type ServerHttp2Session,
} from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';
import { describeApi, statusOf } from './api-documents';
import { answerJson, answerStatus, breakConnection, type ApiResponse } from './api-response';
import { ApiWatch, type OpenWatch } from './api-watch';
import { selfSigned } from './self-signed';
import {
  matches,
  VersionedObjects,
  type ApiObject,
  type ObjectChange,
  type ObjectFilter,
} from './versioned-objects';

/** A call for objects. */
export interface ApiCall {
  readonly kind: 'list' | 'watch' | 'get';
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly query: URLSearchParams;
  readonly token: string | undefined;
  readonly userAgent: string | undefined;
  readonly httpVersion: string;
  /** Name and value in turn, each as often as it came. */
  readonly rawHeaders: readonly string[];
  /** The name that the client expects, as it said in the handshake. */
  readonly servername: string | undefined;
  /** The SHA-256 fingerprint of the client's certificate. */
  readonly certificate: string | undefined;
}

/** What the server does with a call other than it would by itself. */
export interface ApiReaction {
  /** Answers so, with a Status of this code unless there is a body. */
  readonly status?: number;
  /** Beside whatever it answers. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Answers 200, sends this and nothing of its own; and then ends, unless `open`. */
  readonly script?: string;
  readonly open?: boolean;
  /** Opens a watch, and sends its headers with its first event, as some proxies do. */
  readonly holdHeaders?: boolean;
  /** Never answers, or closes the connection. */
  readonly drop?: 'hang' | 'reset';
}

interface Resource {
  readonly kind: string;
  readonly groupVersion: string;
  readonly objects: VersionedObjects;
}

/**
 * A Kubernetes API server for tests, on a real TLS socket: lists in pages, watches with history and bookmarks, for
 * EndpointSlices and Endpoints, and faults at will. It speaks HTTP/1.1 and HTTP/2, and `kubectl` understands it. The
 * objects are also there below `/gateway`, as behind a gateway with a path of its own.
 */
export class FakeApiServer {
  readonly ca: string;
  readonly calls: ApiCall[] = [];
  /** Asked for each call; its answer changes what the server does. */
  react: (call: ApiCall) => ApiReaction | undefined = () => undefined;
  /** The tokens it takes; any, if undefined. */
  tokens: ReadonlySet<string> | undefined;
  /** How many connections were made so far. */
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #watches = new Set<ApiWatch>();
  readonly #listeners = new Set<(call: ApiCall) => void>();
  readonly #resources: Readonly<Record<string, Resource>> = {
    endpointslices: {
      kind: 'EndpointSlice',
      groupVersion: 'discovery.k8s.io/v1',
      objects: new VersionedObjects(),
    },
    endpoints: { kind: 'Endpoints', groupVersion: 'v1', objects: new VersionedObjects() },
  };

  private constructor(protocol: 'h2' | 'http/1.1') {
    const { key, cert } = selfSigned();
    const tls = { key, cert, requestCert: true, rejectUnauthorized: false };
    this.ca = cert;
    this.#server =
      protocol === 'h2' ? createSecureServer({ ...tls, allowHTTP1: true }) : createServer(tls);
    this.#server.on('request', (request: Http2ServerRequest, response: ApiResponse) => {
      this.#receive(request, response);
    });
    this.#server.on('session', (session: ServerHttp2Session) => {
      this.#sessions.add(session);
      session.once('close', () => this.#sessions.delete(session));
    });
    this.#server.on('secureConnection', (socket: Socket) => {
      this.connections += 1;
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy()).once('close', () => this.#sockets.delete(socket));
    });
    // A client that does not trust the certificate, or leaves during the handshake.
    this.#server.on('tlsClientError', () => undefined);
    this.#server.on('sessionError', () => undefined);
  }

  /** Speaks HTTP/2 to those who can, as the real one, unless it is told to know HTTP/1.1 only. */
  static async start(
    protocol: 'h2' | 'http/1.1' = 'h2',
    host = '127.0.0.1',
  ): Promise<FakeApiServer> {
    const fake = new FakeApiServer(protocol);
    await fake.listen(0, host);
    return fake;
  }

  async listen(port: number, host = '127.0.0.1'): Promise<void> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  get openWatches(): readonly OpenWatch[] {
    return [...this.#watches];
  }

  /** Connections that are open now. */
  get openConnections(): number {
    return this.#sockets.size;
  }

  /** At which port each of them is at the other end. */
  get clientPorts(): readonly number[] {
    return [...this.#sockets].flatMap(({ remotePort }) => remotePort ?? []);
  }

  /** Changes with everything that comes or goes. */
  get activity(): string {
    const bytes = [...this.#sockets].reduce((sum, socket) => {
      return sum + socket.bytesRead + socket.bytesWritten;
    }, 0);
    return [this.connections, this.#sockets.size, this.calls.length, bytes].join(' ');
  }

  objects(resource = 'endpointslices'): VersionedObjects {
    return this.#resource(resource).objects;
  }

  /** Adds or changes an object, and tells the watches. */
  put(object: ApiObject, resource = 'endpointslices'): ObjectChange {
    const change = this.objects(resource).put(object);
    this.#tell(resource, change.type, change.object);
    return change;
  }

  remove(name: string, namespace = 'default', resource = 'endpointslices'): void {
    const change = this.objects(resource).remove(name, namespace);
    if (change !== undefined) this.#tell(resource, change.type, change.object);
  }

  /** Tells each watch that asked for it the present version, as a server does about once a minute. */
  bookmark(): void {
    for (const watch of this.#watches) {
      if (!watch.wantsBookmarks) continue;
      const { kind, groupVersion, objects } = this.#resource(watch.resource);
      watch.event('BOOKMARK', {
        kind,
        apiVersion: groupVersion,
        metadata: { resourceVersion: String(objects.version) },
      });
    }
  }

  /** Resolves with the next call that fits, when it has been answered or its watch is open. */
  next(fits: (call: ApiCall) => boolean = () => true): Promise<ApiCall> {
    return new Promise((resolve) => {
      const listener = (call: ApiCall) => {
        if (!fits(call)) return;
        this.#listeners.delete(listener);
        resolve(call);
      };
      this.#listeners.add(listener);
    });
  }

  nextWatch(): Promise<ApiCall> {
    return this.next(({ kind }) => kind === 'watch');
  }

  /** Breaks every connection. */
  disconnect(): void {
    for (const socket of [...this.#sockets]) socket.destroy();
    for (const session of [...this.#sessions]) session.destroy();
  }

  /**
   * Sends GOAWAY on every HTTP/2 connection, as an API server does by `--goaway-chance` and when it shuts down. Streams
   * up to the last one go on; those above it were not taken.
   */
  goaway(lastStreamId?: number): void {
    for (const session of this.#sessions) session.goaway(constants.NGHTTP2_NO_ERROR, lastStreamId);
  }

  /** Refuses connections until `listen`. */
  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.disconnect();
    await closed;
  }

  #receive(request: Http2ServerRequest, response: ApiResponse): void {
    const url = new URL(request.url, this.url);
    response.stream?.on('error', () => undefined);
    const route =
      /^(?:\/gateway)?\/(?:api|apis\/discovery\.k8s\.io)\/v1(?:\/namespaces\/(?<namespace>[^/]+))?\/(?<resource>endpoints|endpointslices)(?:\/(?<name>[^/]+))?$/.exec(
        url.pathname,
      )?.groups;
    if (route === undefined) {
      const answer = describeApi(url.pathname);
      if (answer === undefined) answerStatus(response, 404, `no ${url.pathname} here`);
      else answerJson(response, 200, answer);
      return;
    }
    const { resource = '', namespace, name } = route;
    const socket = request.socket as TLSSocket;
    const call: ApiCall = {
      kind: name !== undefined ? 'get' : url.searchParams.get('watch') ? 'watch' : 'list',
      resource,
      namespace,
      query: url.searchParams,
      token: request.headers.authorization?.replace(/^Bearer /, ''),
      userAgent: request.headers['user-agent'],
      httpVersion: request.httpVersion,
      rawHeaders: request.rawHeaders,
      servername: typeof socket.servername === 'string' ? socket.servername : undefined,
      certificate: socket.getPeerX509Certificate()?.fingerprint256,
    };
    this.calls.push(call);
    const filter = {
      namespace,
      labelSelector: url.searchParams.get('labelSelector') ?? undefined,
      fieldSelector:
        name === undefined
          ? (url.searchParams.get('fieldSelector') ?? undefined)
          : `metadata.name=${name}`,
    };
    this.#answer(call, filter, response);
    for (const listener of [...this.#listeners]) listener(call);
  }

  #answer(call: ApiCall, filter: ObjectFilter, response: ApiResponse): void {
    const reaction = this.react(call) ?? {};
    if (reaction.drop === 'hang') return;
    for (const [name, value] of Object.entries(reaction.headers ?? {})) {
      response.setHeader(name, value);
    }
    if (reaction.drop === 'reset') breakConnection(response, this.#sockets);
    else if (reaction.status !== undefined) {
      answerStatus(response, reaction.status, 'as the test wants it', reaction);
    } else if (reaction.script !== undefined) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(reaction.script);
      if (reaction.open !== true) response.end();
    } else if (this.tokens !== undefined && !this.tokens.has(call.token ?? '')) {
      answerStatus(response, 401, 'Unauthorized');
    } else if (call.kind === 'watch') this.#watch(call, filter, response, reaction.holdHeaders);
    else this.#list(call, filter, response);
  }

  #list(call: ApiCall, filter: ObjectFilter, response: ApiResponse): void {
    const { kind, groupVersion, objects } = this.#resource(call.resource);
    const version = Number(call.query.get('resourceVersion') ?? 0);
    if (version > objects.version) {
      const details = { causes: [{ reason: 'ResourceVersionTooLarge' }], retryAfterSeconds: 1 };
      const message = `Too large resource version: ${version}, current: ${objects.version}`;
      answerJson(response, 504, { ...statusOf(504, message), details });
      return;
    }
    const all = objects
      .select(filter)
      .map((object) => ({ kind, apiVersion: groupVersion, ...object }));
    if (call.kind === 'get') {
      const [object] = all;
      if (object === undefined) answerStatus(response, 404, 'not found');
      else answerJson(response, 200, object);
      return;
    }
    // As the real one: a list from the cache is whole, whatever the limit.
    const fromCache = call.query.has('resourceVersion');
    const limit = fromCache ? 0 : Number(call.query.get('limit') ?? 0);
    const start = Number(call.query.get('continue') ?? 0);
    const items = limit === 0 ? all : all.slice(start, start + limit);
    const next = start + items.length < all.length ? String(start + items.length) : '';
    answerJson(response, 200, {
      kind: `${kind}List`,
      apiVersion: groupVersion,
      metadata: {
        resourceVersion: String(objects.version),
        ...(next === '' ? {} : { continue: next }),
      },
      items,
    });
  }

  #watch(call: ApiCall, filter: ObjectFilter, response: ApiResponse, holdHeaders = false): void {
    const { objects } = this.#resource(call.resource);
    response.setHeader('content-type', 'application/json');
    const watch = new ApiWatch(call, filter, response, () => {
      breakConnection(response, this.#sockets);
    });
    const past = objects.after(Number(call.query.get('resourceVersion')), filter);
    if (past === undefined) {
      // As the real one: inside an answer with 200.
      watch.event('ERROR', statusOf(410, 'too old resource version'));
      watch.end();
      return;
    }
    this.#watches.add(watch);
    response.once('close', () => this.#watches.delete(watch));
    if (!holdHeaders) response.flushHeaders();
    for (const { type, object } of past) watch.event(type, object);
  }

  #tell(resource: string, type: string, object: ApiObject): void {
    const { kind, groupVersion } = this.#resource(resource);
    for (const watch of this.#watches) {
      if (watch.resource !== resource || !matches(object, watch.filter)) continue;
      watch.event(type, { kind, apiVersion: groupVersion, ...object });
    }
  }

  #resource(name: string): Resource {
    const resource = this.#resources[name];
    if (resource === undefined) throw new TypeError(`no resource '${name}'`);
    return resource;
  }
}
