import { createInstance, type Instance } from '../instance';
import { formatAddress, type Address } from '../address';
import type { Registry, ServiceWatch } from '../registry';
import { WatchedRegistry } from '../watched-registry';

/** Fixed addresses, all of them ready for ever: where the set is configuration. */
export class StaticRegistry implements Registry {
  readonly #watched: WatchedRegistry;

  /** `addresses` by service name; throws `invalid_address` for a bad one. */
  constructor(addresses: Readonly<Record<string, readonly Address[]>>) {
    const sets = new Map<string, readonly Instance[]>();
    for (const [service, list] of Object.entries(addresses)) {
      const instances = list.map(({ host, port }) =>
        createInstance({ id: formatAddress({ host, port }), service, host, port }),
      );
      sets.set(service, instances);
    }
    this.#watched = new WatchedRegistry({
      openFeed: (service, sink) => {
        sink.publish(sets.get(service) ?? []);
        return { close: () => Promise.resolve() };
      },
      neverOld: true,
    });
  }

  watch(service: string): ServiceWatch {
    return this.#watched.watch(service);
  }

  discover(
    service: string,
    options?: { readonly signal?: AbortSignal },
  ): Promise<readonly Instance[]> {
    return this.#watched.discover(service, options);
  }

  close(): Promise<void> {
    return this.#watched.close();
  }
}
