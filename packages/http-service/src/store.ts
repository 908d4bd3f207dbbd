import type { Failure } from './failure-log';
import type { QueryEnd } from './metrics';

/** PORT: where a service keeps its state, as far as starting and stopping go. */
export interface Store {
  /** What fails about it now, if anything does. */
  readonly failure: Failure | undefined;
  /** Tells, from now on, of every query that ends; its outcome is `ok`, or the code of an error. */
  onQuery(listener: (end: QueryEnd) => void): void;
  /** Makes it ready for use. Rejects if that is not possible now, and is tried again. */
  prepare(signal: AbortSignal): Promise<void>;
  /** Twice is fine. */
  close(): Promise<void>;
}
