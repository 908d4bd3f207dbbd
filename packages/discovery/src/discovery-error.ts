/**
 * Why discovery could not do what it was asked; decide by this, never by the message.
 *
 * - `no_instances`: the set is known, and empty.
 * - `registry_unavailable`: the registry does not answer, or answers with an error; it is asked again.
 * - `registration_refused`: the registry answered that it does not take this instance.
 * - `invalid_target`: a target that this registry cannot have; asking again does not help.
 * - `invalid_address`, `invalid_instance`, `invalid_options`, `invalid_registry_url`: a value that cannot be used.
 * - `closed`: the watch, the registration or the registry is closed.
 */
export type DiscoveryErrorCode =
  | 'no_instances'
  | 'registry_unavailable'
  | 'registration_refused'
  | 'invalid_target'
  | 'invalid_address'
  | 'invalid_instance'
  | 'invalid_options'
  | 'invalid_registry_url'
  | 'closed';

/** The one error class of this package. `cause` holds what the registry or the network said. */
export class DiscoveryError extends Error {
  override readonly name = 'DiscoveryError';
  /** What kind of error it is. */
  readonly code: DiscoveryErrorCode;

  constructor(code: DiscoveryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
