import type { Instance } from '@movies/discovery';
import { EventEmitter, once } from 'node:events';
import type { Attempt } from '../attempt';
import { ServiceClient, type ServiceClientOptions } from '../service-client';
import { Origin } from './origin';
import { PublishedRegistry } from './published-registry';
import { StandingClock } from './standing-clock';

export interface SceneOptions extends Omit<Partial<ServiceClientOptions>, 'clock'> {
  /** Whether the client knows the set from the start. */
  readonly published?: boolean;
}

/**
 * Some origins, and a client that knows them. Time stands still until a test moves it, the client draws 0:
 * of two equal instances it takes the first by id, and it waits for nothing before a retry.
 */
export class Scene implements AsyncDisposable {
  readonly clock = new StandingClock();
  readonly registry: PublishedRegistry;
  readonly client: ServiceClient;
  readonly attempts: Attempt[] = [];
  readonly #events = new EventEmitter();
  readonly #origins: ReadonlyMap<string, Origin>;

  private constructor(origins: readonly Origin[], { published = true, ...options }: SceneOptions) {
    this.#origins = new Map(origins.map((origin) => [origin.id, origin]));
    this.registry = new PublishedRegistry(this.clock);
    if (published) this.publish();
    this.client = new ServiceClient({
      service: 'movies',
      registry: this.registry,
      random: () => 0,
      onAttempt: (attempt) => {
        this.attempts.push(attempt);
        this.#events.emit('attempt');
      },
      ...options,
      clock: this.clock,
    });
  }

  static async open(ids: readonly string[], options: SceneOptions = {}): Promise<Scene> {
    return new Scene(await Promise.all(ids.map((id) => Origin.listen(id))), options);
  }

  origin(id: string): Origin {
    const origin = this.#origins.get(id);
    if (origin === undefined) throw new Error(`no origin '${id}'`);
    return origin;
  }

  /** The whole set: every origin, in the states and other fields given by id; `null` leaves one out. */
  publish(fields: Readonly<Record<string, Partial<Instance> | null>> = {}): void {
    const present = [...this.#origins.values()].filter(({ id }) => fields[id] !== null);
    this.registry.publish(present.map((origin) => origin.instance(fields[origin.id] ?? {})));
  }

  /** Resolves once the client has made `count` attempts. */
  async attempted(count: number): Promise<void> {
    while (this.attempts.length < count) await once(this.#events, 'attempt');
  }

  /** How often each origin was asked, in the order of their ids. */
  get counts(): number[] {
    return [...this.#origins.values()].map(({ requests }) => requests.length);
  }

  /** The client's attempts so far, in a few words. */
  get story(): string[] {
    return this.attempts.map(({ instance, outcome }) => `${instance.id} ${outcome}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#origins.values()].map((origin) => origin.close()));
    await this.client.close(0);
    await this.registry.close();
  }
}

export const get = { method: 'GET', path: '/' } as const;
export const post = { method: 'POST', path: '/', body: '{}' } as const;
