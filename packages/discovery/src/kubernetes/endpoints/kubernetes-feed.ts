import type { Clock } from '@movies/time';
import type { SnapshotSink } from '../../adapter/snapshot-store';
import { watchFailure } from '../../adapter/watch-failure';
import type { Feed } from '../../adapter/watched-registry';
import type { EndpointSliceSet } from './endpoint-slice-set';
import type { KubeFailure } from '../api-server/kube-failure';
import type { KubeObject } from '../list-watch/kube-object';
import type { Reflector, ReflectorTarget } from '../list-watch/reflector';

/** One of the objects that say where a Service's endpoints are, and how the set takes it in. */
export interface EndpointObjects<T extends KubeObject> {
  replace(set: EndpointSliceSet, objects: readonly T[]): void;
  put(set: EndpointSliceSet, object: T): void;
  delete(set: EndpointSliceSet, name: string): void;
}

export interface KubernetesFeedOptions<T extends KubeObject> {
  readonly service: string;
  /** For messages; known once the server was asked. */
  readonly namespace: () => string | undefined;
  readonly set: EndpointSliceSet;
  readonly objects: EndpointObjects<T>;
  readonly sink: SnapshotSink;
  readonly clock: Clock;
  readonly reflect: (target: ReflectorTarget<T>) => Reflector<T>;
}

/** Events that come together, as in a rolling update, make one snapshot. */
const batchMs = 10;

/** Follows one Service: what the reflector hears goes into the set, and the set into the sink. */
export class KubernetesFeed<T extends KubeObject> implements Feed, ReflectorTarget<T> {
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

  fail(failure: KubeFailure): void {
    if (this.#cancelPublish !== undefined) this.#publish();
    this.#missingPort = undefined;
    this.#report(failure.message, failure.reason, failure);
  }

  async close(): Promise<void> {
    this.#cancelPublish?.();
    await this.#reflector.close();
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
      sink.publish(instances, emptyBecause && this.#inNamespace(emptyBecause));
    } else if (missingPort !== known) {
      this.#report(this.#inNamespace(missingPort), 'missing_port');
    }
  }

  #inNamespace(text: string): string {
    return `in the namespace '${this.#options.namespace() ?? ''}' ${text}`;
  }

  #report(message: string, reason: string, cause?: Error): void {
    const { service, sink } = this.#options;
    sink.fail(watchFailure(service, message, cause), reason);
  }
}
