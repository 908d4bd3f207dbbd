import type { Clock } from '@movies/time';
import type { Sink, Source } from '../../adapter/source';
import { SourceFailure } from '../../adapter/source-failure';
import type { EndpointSliceSet } from './endpoint-slice-set';
import type { KubeObject } from '../list-watch/list-watch';
import type { Reflector, Store } from '../list-watch/reflector';

/** One of the objects that say where a Service's endpoints are, and how the set takes it in. */
export interface EndpointObjects<T extends KubeObject> {
  replace(set: EndpointSliceSet, objects: readonly T[]): void;
  put(set: EndpointSliceSet, object: T): void;
  delete(set: EndpointSliceSet, name: string): void;
}

export interface KubernetesFeedOptions<T extends KubeObject> {
  /** For messages; known once the server was asked. */
  readonly namespace: () => string | undefined;
  readonly set: EndpointSliceSet;
  readonly objects: EndpointObjects<T>;
  readonly sink: Sink;
  readonly clock: Clock;
  readonly reflect: (target: Store<T>) => Reflector<T>;
}

/** Events that come together, as in a rolling update, make one snapshot. */
const batchMs = 10;

/** Follows one Service: what the reflector hears goes into the set, and the set into the sink. */
export class KubernetesFeed<T extends KubeObject> implements Source, Store<T> {
  readonly #options: KubernetesFeedOptions<T>;
  readonly #reflector: Reflector<T>;
  #publishedAt = Number.NEGATIVE_INFINITY;
  #cancelPublish: (() => void) | undefined;
  /** What was reported last of a missing port; once, and not with each confirmation. */
  #missingPort: string | undefined;

  constructor(options: KubernetesFeedOptions<T>) {
    this.#options = options;
    this.#reflector = options.reflect(this);
  }

  replace(objects: readonly T[]): void {
    this.#options.objects.replace(this.#options.set, objects);
    this.#publish();
  }

  put(object: T): void {
    this.#options.objects.put(this.#options.set, object);
    this.#publishSoon();
  }

  delete(name: string): void {
    this.#options.objects.delete(this.#options.set, name);
    this.#publishSoon();
  }

  confirm(): void {
    this.#publish();
  }

  async turn(signal: AbortSignal): Promise<number> {
    try {
      return await this.#reflector.turn(signal);
    } catch (error: unknown) {
      if (!signal.aborted && this.#cancelPublish !== undefined) this.#publish();
      this.#missingPort = undefined;
      throw error;
    }
  }

  close(): void {
    this.#cancelPublish?.();
  }

  /** At once after a quiet time, else at the end of the batch. */
  #publishSoon(): void {
    const { clock } = this.#options;
    this.#cancelPublish ??= clock.schedule(
      Math.max(0, this.#publishedAt + batchMs - clock.now()),
      () => {
        this.#publish();
      },
    );
  }

  #publish(): void {
    const { clock, set, sink } = this.#options;
    this.#cancelPublish?.();
    this.#cancelPublish = undefined;
    this.#publishedAt = clock.now();
    const { instances, missingPort, emptyBecause } = set;
    const known = this.#missingPort;
    this.#missingPort = missingPort;
    if (missingPort === undefined) {
      sink.publish(instances, {
        emptyBecause: emptyBecause === undefined ? undefined : this.#inNamespace(emptyBecause),
      });
    } else if (missingPort !== known) {
      sink.fail(
        new SourceFailure('refused', this.#inNamespace(missingPort), { reason: 'missing_port' }),
      );
    }
  }

  #inNamespace(text: string): string {
    return `in the namespace '${this.#options.namespace() ?? ''}' ${text}`;
  }
}
