import { experimental, status, type ChannelOptions } from '@grpc/grpc-js';
import { formatAddress, type Instance, type Registry, type View } from '@movies/discovery';
import { balancedConfig } from './balanced-config';

type Resolver = experimental.Resolver;
type Listener = experimental.ResolverListener;
type Endpoints = Parameters<Listener>[0];

/** Follows one target for one channel: from the first call of the channel until it is closed, or idle. */
export class DiscoveryResolver implements Resolver {
  readonly #registry: Registry;
  readonly #target: string;
  readonly #listener: Listener;
  readonly #serviceConfig: ReturnType<typeof balancedConfig>;
  #stop: (() => void) | undefined;
  /** The last answer as text: the load balancer builds itself anew with every answer, also with the same. */
  #answer: string | undefined;
  #hasAddresses = false;

  /** Throws for a `grpc.service_config` with load balancing that grpc-js cannot have. */
  constructor(registry: Registry, target: string, listener: Listener, options: ChannelOptions) {
    this.#registry = registry;
    this.#target = target;
    this.#listener = listener;
    this.#serviceConfig = balancedConfig(options['grpc.service_config']);
  }

  /** grpc-js asks whenever a connection ends or fails. The watch tells each change, and an answer here would loop. */
  updateResolution(): void {
    if (this.#stop !== undefined) return;
    const watch = this.#registry.watch(this.#target);
    const unsubscribe = watch.subscribe((view) => {
      this.#follow(view);
    });
    this.#stop = () => {
      unsubscribe();
      void watch.close();
    };
  }

  /** A later `updateResolution` begins anew. */
  destroy(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#answer = undefined;
    this.#hasAddresses = false;
  }

  #follow(view: View): void {
    const addresses = addressesOf(view.state === 'known' ? view.instances : []);
    const reason = addresses.size > 0 ? undefined : this.#whyNone(view);
    const answer = reason ?? [...addresses.keys()].join();
    if (answer === this.#answer) return;
    this.#answer = answer;
    // An error alone leaves the load balancer with the addresses that it has: an empty list goes first.
    if (addresses.size > 0 || this.#hasAddresses) {
      const endpoints = [...addresses.values()].map((address) => ({ addresses: [address] }));
      this.#tell(experimental.statusOrFromValue(endpoints), reason);
    }
    this.#hasAddresses = addresses.size > 0;
    // An empty list alone makes `round_robin` queue calls: the error follows, unless the channel closed meanwhile.
    if (reason !== undefined && this.#answer === answer) {
      const error = { code: status.UNAVAILABLE, details: reason };
      this.#tell(experimental.statusOrFromError(error), reason);
    }
  }

  #tell(endpoints: Endpoints, note = ''): void {
    const config = this.#serviceConfig;
    this.#listener(endpoints, {}, config ? experimental.statusOrFromValue(config) : null, note);
  }

  #whyNone(view: View): string {
    if (view.state === 'closed') {
      return `'${this.#target}' is not watched any more: the registry is closed`;
    }
    const failure = view.failure?.message;
    if (view.state === 'unknown') {
      return `the instances of '${this.#target}' are not known: ${failure ?? 'the registry has not answered yet'}`;
    }
    const because = view.emptyBecause === undefined ? '' : `: ${view.emptyBecause}`;
    const mayBeOld = failure === undefined ? '' : ` (and may be old: ${failure})`;
    return `no instance of '${this.#target}' is registered${because}${mayBeOld}`;
  }
}

/** As the HTTP client picks: the ready instances; if none is, the draining; if none is, all. Each address once. */
function addressesOf(instances: readonly Instance[]) {
  const ready = instances.filter(({ state }) => state === 'ready');
  const draining = instances.filter(({ state }) => state === 'draining');
  const usable = [ready, draining, instances].find(({ length }) => length > 0) ?? [];
  return new Map(usable.map(({ host, port }) => [formatAddress({ host, port }), { host, port }]));
}
