import type { Stage } from './stage';

/**
 * `fault` is what is measured. In `dark` nothing lives that a client could know, so that failures count apart. In
 * `after` all is well again.
 */
export type PhaseName = 'warm-up' | 'healthy' | 'fault' | 'dark' | 'after';

/** A stretch of a scenario: it takes its seconds, and longer if `act` does. */
export interface Phase {
  readonly name: PhaseName;
  readonly seconds: number;
  /** What happens, from the beginning of the phase on. */
  readonly act?: (stage: Stage) => Promise<void>;
}
