import type { DiscoveryError } from './discovery-error';
import type { Instance, InstanceState } from './instance';

/**
 * PORT: makes an instance known. Apart from `Registry`, since on Kubernetes and DNS the platform
 * registers, and those adapters have no such method to refuse.
 */
export interface Registrar extends AsyncDisposable {
  /**
   * Registers in the state that `instance.state` tells, and keeps it registered by beats until
   * `deregister`: a registry that forgot it is told again.
   * Rejects with `registry_unavailable`, `registration_refused` (the registry said no), `invalid_instance`, `closed`, or
   * the signal's reason. One try: the caller decides whether to try again.
   */
  register(instance: Instance, options?: { readonly signal?: AbortSignal }): Promise<Registration>;
}

/** A registered instance. */
export interface Registration extends AsyncDisposable {
  /** Why the last beat did not arrive; `undefined` while they do. */
  readonly failure: DiscoveryError | undefined;
  /** Tells the registry at once, and with every beat from then on. `note` is for people to read. */
  report(state: InstanceState, note?: string): void;
  /**
   * Stops the beats, then takes the instance out wherever it was registered. Bounded in time; rejects
   * with `registry_unavailable` if it could not be taken out. Twice is fine.
   */
  deregister(): Promise<void>;
}
