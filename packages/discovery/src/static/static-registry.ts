import { checkAddress, formatAddress } from '../address';
import { checkForms, listForm } from '../adapter/check-option';
import type { Sink } from '../adapter/source';
import { WatchedRegistry } from '../adapter/watched-registry';
import { createInstance, type Instance, type InstanceFields } from '../instance';
import { parseTarget, refuseParts } from '../target';

/** An instance, or its address alone: `id` is `host:port` by default, and the rest as in `createInstance`. */
export type StaticInstance = Omit<InstanceFields, 'id' | 'service'> & {
  readonly id?: string | undefined;
};

/** Instances by the name of their service. */
export type StaticServices = Readonly<Record<string, readonly StaticInstance[]>>;

type Sets = ReadonlyMap<string, readonly Instance[]>;

/** The sets that this process is told: where they are configuration, come from elsewhere, or belong to a test. */
export class StaticRegistry extends WatchedRegistry {
  readonly #publish: (sets: Sets) => void;

  /** Throws `invalid_address`, `invalid_instance`, `invalid_target` or `invalid_options` for what cannot be used. */
  constructor(services: StaticServices) {
    let present = readSets(services);
    const sinks = new Map<Sink, string>();
    super({
      name: 'static',
      open: (target, sink) => {
        refuseParts(target, 'a static registry');
        const { service } = target;
        return {
          turn: () => {
            sinks.set(sink, service);
            sink.publish(present.get(service) ?? []);
            return Promise.resolve(Infinity);
          },
          close: () => {
            sinks.delete(sink);
          },
        };
      },
      neverOld: true,
    });
    this.#publish = (sets) => {
      present = sets;
      for (const [sink, service] of sinks) sink.publish(sets.get(service) ?? []);
    };
  }

  /**
   * Takes the place of all that was told before: a service that is not named has no instances any more. Watches hear of
   * what changed. Throws as the constructor does, and then changes nothing. After `close` it tells nothing.
   */
  update(services: StaticServices): void {
    this.#publish(readSets(services));
  }
}

function readSets(services: StaticServices): Sets {
  const names = Object.keys(Object(services) as object);
  checkForms(services, Object.fromEntries(names.map((name) => [name, listForm])));
  const sets = new Map<string, readonly Instance[]>();
  for (const [service, list] of Object.entries(services)) {
    refuseParts(parseTarget(service), 'a static registry');
    const instances = list.map((fields) => {
      checkAddress(fields);
      return createInstance({ ...fields, id: fields.id ?? formatAddress(fields), service });
    });
    sets.set(service, instances);
  }
  return sets;
}
