import type { Instance } from '@movies/discovery';
import { SourceFailure, WatchedRegistry, type Sink } from '@movies/discovery/adapter';
import type { Clock } from '@movies/time';

/** A registry that knows what a test publishes, and nothing before; every service has the same set. */
export class PublishedRegistry extends WatchedRegistry {
  readonly #sinks: Set<Sink>;
  readonly #published: { instances?: readonly Instance[] };

  constructor(clock?: Clock) {
    const sinks = new Set<Sink>();
    const published: { instances?: readonly Instance[] } = {};
    super(
      {
        name: 'published',
        open: (_target, sink) => {
          sinks.add(sink);
          return {
            turn: () => {
              if (published.instances !== undefined) sink.publish(published.instances);
              return Promise.resolve(Infinity);
            },
            close: () => {
              sinks.delete(sink);
            },
          };
        },
        neverOld: true,
      },
      { clock },
    );
    this.#sinks = sinks;
    this.#published = published;
  }

  publish(instances: readonly Instance[]): void {
    this.#published.instances = instances;
    for (const sink of this.#sinks) sink.publish(instances);
  }

  fail(message: string): void {
    for (const sink of this.#sinks) sink.fail(new SourceFailure('refused', message));
  }
}
