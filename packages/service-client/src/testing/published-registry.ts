import {
  type DiscoveryError,
  type Instance,
  type Registry,
  type ServiceWatch,
} from '@movies/discovery';
import { WatchedRegistry, type SnapshotSink } from '@movies/discovery/adapter';
import { type Clock } from '@movies/time';

/** A registry that knows what a test publishes, and nothing before; every service has the same set. */
export class PublishedRegistry implements Registry {
  readonly #watched: WatchedRegistry;
  readonly #sinks = new Set<SnapshotSink>();
  #published: readonly Instance[] | undefined;

  constructor(clock?: Clock) {
    this.#watched = new WatchedRegistry({
      openFeed: (_service, sink) => {
        this.#sinks.add(sink);
        if (this.#published !== undefined) sink.publish(this.#published);
        return {
          close: async () => {
            this.#sinks.delete(sink);
          },
        };
      },
      neverOld: true,
      ...(clock === undefined ? {} : { clock }),
    });
  }

  publish(instances: readonly Instance[]): void {
    this.#published = instances;
    for (const sink of this.#sinks) sink.publish(instances);
  }

  fail(error: DiscoveryError): void {
    for (const sink of this.#sinks) sink.fail(error, 'test');
  }

  watch(service: string): ServiceWatch {
    return this.#watched.watch(service);
  }

  discover(service: string): Promise<readonly Instance[]> {
    return this.#watched.discover(service);
  }

  close(): Promise<void> {
    return this.#watched.close();
  }
}
