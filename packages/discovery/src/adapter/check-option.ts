import { DiscoveryError } from '../discovery-error';

/** Runs the check of an option, and returns what it does; what it throws becomes `invalid_options`. */
export function checkOption<T>(check: () => T): T {
  try {
    return check();
  } catch (error: unknown) {
    const message = error instanceof Error ? error.message : String(error);
    throw new DiscoveryError('invalid_options', message, { cause: error });
  }
}
