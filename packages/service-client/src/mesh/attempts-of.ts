import type { Attempt } from '../attempt';

const attempts = new WeakMap<Response, readonly Attempt[]>();

export function noteAttempts(response: Response, of: readonly Attempt[]): void {
  attempts.set(response, of);
}

/**
 * Every attempt that a response of `mesh.fetch` took, in the order in which they began; with redirects, those of each
 * request. None for any other response, a clone, or a response of a host that is no service.
 */
export function attemptsOf(response: Response): readonly Attempt[] {
  return attempts.get(response) ?? [];
}
