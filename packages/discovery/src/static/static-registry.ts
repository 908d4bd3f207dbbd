import { createInstance, type Instance } from '../instance';
import { formatAddress, type Address } from '../address';
import { WatchedRegistry } from '../adapter/watched-registry';

/** Fixed addresses, all of them ready for ever: where the set is configuration. */
export class StaticRegistry extends WatchedRegistry {
  /** `addresses` by service name; throws `invalid_address` for a bad one. */
  constructor(addresses: Readonly<Record<string, readonly Address[]>>) {
    const sets = new Map<string, readonly Instance[]>();
    for (const [service, list] of Object.entries(addresses)) {
      const instances = list.map(({ host, port }) =>
        createInstance({ id: formatAddress({ host, port }), service, host, port }),
      );
      sets.set(service, instances);
    }
    super({
      openFeed: (service, sink) => {
        sink.publish(sets.get(service) ?? []);
        return { close: () => Promise.resolve() };
      },
      neverOld: true,
    });
  }
}
