/** Why discovery could not do what it was asked; decide by this, never by the message. */
export type DiscoveryErrorCode =
  | 'no_instances'
  | 'registry_unavailable'
  | 'registration_refused'
  | 'invalid_address'
  | 'invalid_registry_url'
  | 'closed';

/** The one error class of this package. `cause` holds what the registry or the network said. */
export class DiscoveryError extends Error {
  override readonly name = 'DiscoveryError';
  readonly code: DiscoveryErrorCode;

  constructor(code: DiscoveryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
