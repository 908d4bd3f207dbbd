import { readFileSync } from 'node:fs';
import type { Behaviour, BackendOptions } from './backend';
import { Child } from './child';
import type { Address } from './client';
import type { Method, Request } from './request';

/** A request that reached a backend. */
export interface Arrival extends Request {
  /** What it was answered, or would have been. */
  readonly status: number;
  /** In milliseconds of the machine's clock. */
  readonly atMs: number;
}

/** One instance of a run, in a process of its own. */
export class BackendProcess implements Address {
  readonly id: string;
  readonly port: number;
  readonly #script: string;
  readonly #options: BackendOptions;
  #child: Child;

  constructor(script: string, options: BackendOptions) {
    this.id = options.id;
    this.port = options.port;
    this.#script = script;
    this.#options = options;
    this.#child = this.#start();
  }

  /** Resolves once requests are served. */
  async listen(): Promise<void> {
    await this.#child.ask('listen');
  }

  async behave(behaviour: Behaviour): Promise<void> {
    await this.#child.ask('behave', behaviour);
  }

  /** Stands still: connections are accepted, and nothing is answered. */
  pause(): void {
    this.#child.signal('SIGSTOP');
  }

  resume(): void {
    this.#child.signal('SIGCONT');
  }

  /** Dies without a word. */
  async kill(): Promise<void> {
    await this.#child.kill();
  }

  /** A new process at the same address, under the same id. */
  async restart(): Promise<void> {
    await this.kill();
    this.#child = this.#start();
    await this.listen();
  }

  /** Serves on, but asks callers not to keep their connections. */
  async drain(): Promise<void> {
    await this.#child.ask('drain');
  }

  /** Takes nothing new, finishes what is under way, and ends: as a service does on SIGTERM. */
  async terminate(): Promise<void> {
    this.#child.signal('SIGTERM');
    const limit = setTimeout(() => {
      this.#child.signal('SIGKILL');
    }, 3000);
    await this.#child.ended();
    clearTimeout(limit);
  }

  /** All that reached it until now, also before it died. */
  arrivals(): readonly Arrival[] {
    const lines = readFileSync(this.#options.arrivalsFile, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => {
      const [id, method, status, atMs] = line.split(' ');
      return {
        id: Number(id),
        method: method as Method,
        status: Number(status),
        atMs: Number(atMs),
      };
    });
  }

  #start(): Child {
    return new Child(this.id, this.#script, this.#options);
  }
}
