import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Address } from '../address';

/** A call as the agent received it. */
export interface ConsulCall {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly token: string | undefined;
  readonly body: unknown;
}

/** What the agent does with a call other than it would by itself. */
export interface Reaction {
  /** With the body: answers this and does nothing. */
  readonly status?: number;
  readonly body?: string;
  /** `X-Consul-Index` of the answer. */
  readonly index?: number;
  /** More headers of the answer, as `retry-after` or what Consul says of its ACLs. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly lastContactMs?: number;
  readonly knownLeader?: boolean;
  /** `X-Consul-Query-Backend`: `streaming` reports neither leader nor contact correctly. */
  readonly backend?: 'blocking-query' | 'streaming';
  /** Answers a blocking query at once, changed or not. */
  readonly atOnce?: boolean;
  /** Executes the call, and never responds. */
  readonly lost?: boolean;
  /** Does nothing and never answers, or closes the socket. */
  readonly drop?: 'hang' | 'reset';
}

/** A service as `PUT /v1/agent/service/register` tells it. */
interface Definition {
  /** The node it stands on; the fake's own by default. */
  readonly Node?: string;
  readonly ID: string;
  readonly Name: string;
  readonly Address: string;
  readonly Port: number;
  readonly Tags?: readonly string[];
  readonly Meta?: Readonly<Record<string, string>>;
  readonly Weights?: { readonly Passing: number; readonly Warning: number };
  readonly Check?: { readonly CheckID: string; readonly Status: string };
}

interface Entry {
  readonly definition: Definition;
  status: string;
  output: string;
}

/** With `ca`, the agent asks its clients for a certificate of this authority. */
export interface FakeConsulTls {
  readonly key: string;
  readonly cert: string;
  readonly ca?: string;
}

const calm: Reaction = {};

/** A Consul agent for tests: the four calls that discovery makes, on a real socket, and faults at will. */
export class FakeConsul {
  /** Every call so far, in order. */
  readonly calls: ConsulCall[] = [];
  /** Asked for each call; its answer changes what the agent does. */
  react: (call: ConsulCall) => Reaction | undefined = () => undefined;
  /** Answers an unknown check as Consul before 1.7 did. */
  old = false;
  readonly #server: Server | TlsServer;
  readonly #entries = new Map<string, Entry>();
  /** Its name. */
  readonly node = 'fake';
  /** By service: the index of its last change. */
  readonly #indexes = new Map<string, number>();
  readonly #blocked = new Set<{ service: string; index: number; answer: () => void }>();
  readonly #listeners = new Set<(call: ConsulCall) => void>();
  #index = 10;

  private constructor(server: Server | TlsServer) {
    this.#server = server;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      void this.#receive(request, response);
    });
  }

  static async start(tls?: FakeConsulTls): Promise<FakeConsul> {
    const options = { ...tls, requestCert: tls?.ca !== undefined };
    const fake = new FakeConsul(tls === undefined ? createServer() : createTlsServer(options));
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  get address(): Address {
    const { address, port } = this.#server.address() as AddressInfo;
    return { host: address, port };
  }

  /** What is registered, as `id=status`. */
  get registered(): string[] {
    return [...this.#entries.values()].map(
      ({ definition, status }) => `${definition.ID}=${status}`,
    );
  }

  /** The calls for a service's health so far. */
  queries(service: string): ConsulCall[] {
    return this.calls.filter(({ path }) => path === `/v1/health/service/${service}`);
  }

  /** Resolves with the next call that fits. */
  next(fits: (call: ConsulCall) => boolean): Promise<ConsulCall> {
    return new Promise((resolve) => {
      const listener = (call: ConsulCall) => {
        if (!fits(call)) return;
        this.#listeners.delete(listener);
        resolve(call);
      };
      this.#listeners.add(listener);
    });
  }

  nextQuery(service: string): Promise<ConsulCall> {
    return this.next(({ path }) => path === `/v1/health/service/${service}`);
  }

  /** Registers exactly these for a service, passing unless their check says otherwise. */
  publish(service: string, definitions: readonly Omit<Definition, 'Name'>[]): void {
    for (const [key, { definition }] of this.#entries) {
      if (definition.Name === service) this.#entries.delete(key);
    }
    for (const fields of definitions) {
      const definition = { ...fields, Name: service };
      this.#put(definition);
    }
    this.#changed(service);
  }

  /** Behaves as a dev agent after its restart: empty, with a small index and without connections. */
  restartEmpty(): void {
    this.#entries.clear();
    this.#indexes.clear();
    this.#index = 10;
    this.disconnect();
  }

  /** Is restarted with another certificate. Only an agent that was started with one can. */
  exchangeCertificate(tls: FakeConsulTls): void {
    if (!(this.#server instanceof TlsServer)) throw new TypeError('it was started without one');
    this.#server.setSecureContext(tls);
    this.disconnect();
  }

  /** Closes every connection. */
  disconnect(): void {
    this.#blocked.clear();
    this.#server.closeAllConnections();
  }

  /** Resolves when the last connection has gone. */
  async idle(): Promise<void> {
    const count = () =>
      new Promise<number>((resolve) => {
        this.#server.getConnections((_, connections) => {
          resolve(connections);
        });
      });
    while ((await count()) > 0) await new Promise(setImmediate);
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.disconnect();
    await closed;
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await read(request);
    const url = new URL(request.url ?? '', 'http://consul');
    const token = request.headers['x-consul-token'];
    const call: ConsulCall = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      token: Array.isArray(token) ? token[0] : token,
      body: body === '' ? undefined : JSON.parse(body),
    };
    const reaction = this.react(call) ?? calm;
    this.calls.push(call);
    for (const listener of [...this.#listeners]) listener(call);
    if (reaction.drop === 'hang') return;
    if (reaction.drop === 'reset') request.socket.destroy();
    else if (reaction.status !== undefined) {
      response.writeHead(reaction.status, reaction.headers).end(reaction.body);
    } else this.#handle(call, reaction, response);
  }

  #handle(call: ConsulCall, reaction: Reaction, response: ServerResponse): void {
    const end = call.path.lastIndexOf('/');
    const last = decodeURIComponent(call.path.slice(end + 1));
    switch (`${call.method} ${call.path.slice(0, end)}`) {
      case 'GET /v1/health/service':
        this.#answerHealth(last, call.query, reaction, response);
        return;
      case 'PUT /v1/agent/service':
        this.#register(call.body as Definition);
        if (reaction.lost !== true) response.end();
        return;
      case 'PUT /v1/agent/service/deregister':
        this.#deregister(last, response);
        return;
      case 'PUT /v1/agent/check/update':
        this.#update(last, call.body as { Status: string; Output?: string }, response);
        return;
      default:
        response.writeHead(404).end(`no such call: ${call.method} ${call.path}`);
    }
  }

  #answerHealth(
    service: string,
    query: URLSearchParams,
    reaction: Reaction,
    response: ServerResponse,
  ): void {
    const asked = Number(query.get('index') ?? 0);
    const answer = () => {
      const index = reaction.index ?? this.#indexOf(service);
      response.writeHead(200, {
        'content-type': 'application/json',
        'x-consul-index': index,
        'x-consul-lastcontact': reaction.lastContactMs ?? 0,
        'x-consul-knownleader': String(reaction.knownLeader ?? true),
        'x-consul-query-backend': reaction.backend ?? 'blocking-query',
        ...reaction.headers,
      });
      response.end(JSON.stringify(this.#healthOf(service, query.getAll('tag'))));
    };
    if (asked < this.#indexOf(service) || reaction.atOnce === true) answer();
    else this.#blocked.add({ service, index: asked, answer });
  }

  #healthOf(service: string, tags: readonly string[]) {
    return [...this.#entries.values()]
      .filter(({ definition: { Name, Tags } }) => {
        return Name === service && tags.every((tag) => Tags?.includes(tag) === true);
      })
      .map(({ definition: { Node = this.node, ...definition }, status, output }) => ({
        Node: { Node, Address: '127.0.0.1' },
        Service: { Tags: null, Meta: null, Service: service, ...definition },
        Checks: [{ Status: 'passing' }, { Status: status, Output: output }],
      }));
  }

  #register(definition: Definition): void {
    this.#put(definition);
    this.#changed(definition.Name);
  }

  #put(definition: Definition): void {
    const status = definition.Check?.Status ?? 'passing';
    this.#entries.set(`${definition.Node ?? this.node}/${definition.ID}`, {
      definition,
      status,
      output: '',
    });
  }

  #deregister(id: string, response: ServerResponse): void {
    const key = `${this.node}/${id}`;
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      response.writeHead(404).end(`Unknown service ID "${id}".`);
      return;
    }
    this.#entries.delete(key);
    response.end();
    this.#changed(entry.definition.Name);
  }

  #update(
    checkId: string,
    { Status, Output = '' }: { Status: string; Output?: string },
    response: ServerResponse,
  ): void {
    const entry = [...this.#entries.values()].find(
      ({ definition }) => definition.Check?.CheckID === checkId,
    );
    if (entry === undefined) {
      if (this.old)
        response.writeHead(500).end(`CheckID "${checkId}" does not have associated TTL`);
      else response.writeHead(404).end(`Unknown check ID "${checkId}".`);
      return;
    }
    response.end();
    if (entry.status === Status && entry.output === Output) return;
    Object.assign(entry, { status: Status, output: Output });
    this.#changed(entry.definition.Name);
  }

  #indexOf(service: string): number {
    return this.#indexes.get(service) ?? 1;
  }

  #changed(service: string): void {
    this.#index += 1;
    this.#indexes.set(service, this.#index);
    for (const query of this.#blocked) {
      if (query.service !== service || query.index >= this.#index) continue;
      this.#blocked.delete(query);
      query.answer();
    }
  }
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
