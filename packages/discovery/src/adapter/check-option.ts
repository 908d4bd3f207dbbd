import { DiscoveryError } from '../discovery-error';
import { messageOf } from './message-of';

/** Runs the check of an option, and returns what it does; what it throws becomes `invalid_options`. */
export function checkOption<T>(check: () => T): T {
  try {
    return check();
  } catch (error: unknown) {
    throw new DiscoveryError('invalid_options', messageOf(error), { cause: error });
  }
}
