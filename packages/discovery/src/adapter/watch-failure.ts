import { DiscoveryError } from '../discovery-error';

/** Why a service cannot be followed, as a feed tells it to its sink. */
export function watchFailure(service: string, message: string, cause?: unknown): DiscoveryError {
  return new DiscoveryError('registry_unavailable', `watching '${service}': ${message}`, { cause });
}

/** The same of what was thrown. */
export function toWatchFailure(service: string, error: unknown): DiscoveryError {
  return watchFailure(service, error instanceof Error ? error.message : String(error), error);
}
