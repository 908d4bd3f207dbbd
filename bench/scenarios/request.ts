/** A read, an idempotent write, or a write that must not be done twice. */
export type Method = 'GET' | 'PUT' | 'POST';

/** A request of a run. Its number is its id, also at the backends. */
export interface Request {
  readonly id: number;
  readonly method: Method;
}

/** Whole time of a request, retries included. */
export const deadlineMs = 2000;

/** Of a scenario with writes: 80 % reads, 10 % PUT and 10 % POST. By chance, so that no instance gets always the same. */
export function randomMethod(random: () => number): Method {
  const drawn = random();
  return drawn < 0.8 ? 'GET' : drawn < 0.9 ? 'PUT' : 'POST';
}
