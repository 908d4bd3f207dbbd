import { checkAddress, formatAddress, type Address } from '../address';
import { checkForms, listForm } from '../adapter/check-option';
import { WatchedRegistry } from '../adapter/watched-registry';
import { createInstance, type Instance } from '../instance';
import { parseTarget, refuseParts } from '../target';

/** Fixed addresses, all of them ready for ever: where the set is configuration. */
export class StaticRegistry extends WatchedRegistry {
  /** `addresses` by service name; throws `invalid_address`, `invalid_target` or `invalid_options` for a bad one. */
  constructor(addresses: Readonly<Record<string, readonly Address[]>>) {
    const services = Object.keys(Object(addresses) as object);
    checkForms(addresses, Object.fromEntries(services.map((service) => [service, listForm])));
    const sets = new Map<string, readonly Instance[]>();
    for (const [service, list] of Object.entries(addresses)) {
      refuseParts(parseTarget(service), 'a static registry');
      const instances = list.map((address) => {
        checkAddress(address);
        const { host, port } = address;
        return createInstance({ id: formatAddress(address), service, host, port });
      });
      sets.set(service, instances);
    }
    super({
      name: 'static',
      open: (target, sink) => {
        refuseParts(target, 'a static registry');
        return {
          turn: () => {
            sink.publish(sets.get(target.service) ?? []);
            return Promise.resolve(Infinity);
          },
        };
      },
      neverOld: true,
    });
  }
}
