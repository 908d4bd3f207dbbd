import { DiscoveryError } from '../discovery-error';

/** Runs the check of an option; what it throws becomes `invalid_options`. */
export function checkOption(check: () => void): void {
  try {
    check();
  } catch (error: unknown) {
    const message = error instanceof Error ? error.message : String(error);
    throw new DiscoveryError('invalid_options', message, { cause: error });
  }
}
