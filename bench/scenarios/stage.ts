import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../server-process';
import { healthy, type Behaviour } from './backend';
import { BackendProcess } from './backend-process';
import type { Child } from './child';
import type { Address } from './client';
import { machineNow } from './machine-clock';

/** Instances to be looked at from a moment on: how much they get, and from when. */
export interface Mark {
  readonly ids: readonly string[];
  readonly atMs: number;
  /** How many instances share the load. */
  readonly of: number;
}

export interface StageOptions {
  /** Where arrivals are written. */
  readonly folder: string;
  /** The built script of the backends. */
  readonly backendScript: string;
  readonly clientPort: number;
}

/** What a scenario acts upon: the instances, and the registry that the client under test is told. */
export class Stage {
  /** All instances that were started, in this order. */
  readonly backends: BackendProcess[] = [];
  readonly marks: Mark[] = [];
  /** What the registry has. */
  published: readonly BackendProcess[] = [];
  readonly #options: StageOptions;
  #client: Child | undefined;
  #started = 0;

  constructor(options: StageOptions) {
    this.#options = options;
  }

  /** Starts an instance and waits until it serves; nobody is told of it. */
  async start(behaviour: Behaviour = healthy): Promise<BackendProcess> {
    const { folder, backendScript, clientPort } = this.#options;
    const id = `instance-${this.#started}`;
    this.#started += 1;
    const port = await freePort();
    const arrivalsFile = path.join(folder, `${id}.arrivals`);
    const others = this.backends.map(addressOf);
    const options = { id, port, behaviour, arrivalsFile, clientPort, others };
    const backend = new BackendProcess(backendScript, options);
    this.backends.push(backend);
    await backend.listen();
    return backend;
  }

  /** Starts some, one after the other, so that they take little from the load. */
  async startMany(count: number, behaviour?: Behaviour): Promise<readonly BackendProcess[]> {
    const backends: BackendProcess[] = [];
    while (backends.length < count) backends.push(await this.start(behaviour));
    return backends;
  }

  backend(index: number): BackendProcess {
    const backend = this.backends[index];
    if (backend === undefined) throw new Error(`there is no instance ${index}`);
    return backend;
  }

  async behaveAll(behaviour: Behaviour): Promise<void> {
    await Promise.all(this.published.map((backend) => backend.behave(behaviour)));
  }

  /** From now on the registry's set reaches this client. */
  attach(client: Child): void {
    this.#client = client;
  }

  /** What the registry has, as a client is told it. */
  get addresses(): readonly Address[] {
    return this.published.map(addressOf);
  }

  async publish(backends: readonly BackendProcess[]): Promise<void> {
    this.published = backends;
    await this.#client?.ask('update', this.addresses);
  }

  async loseRegistry(): Promise<void> {
    await this.#client?.ask('loseRegistry');
  }

  /** From now on look at these. */
  mark(backends: readonly BackendProcess[], of: number): void {
    this.marks.push({ ids: backends.map(({ id }) => id), atMs: machineNow(), of });
  }

  async wait(seconds: number): Promise<void> {
    await delay(seconds * 1000);
  }

  async close(): Promise<void> {
    await Promise.all(this.backends.map((backend) => backend.kill()));
  }
}

function addressOf({ id, port }: BackendProcess): Address {
  return { id, port };
}
