import type { Behaviour } from './backend';
import type { ColumnName } from './columns';
import type { Phase } from './phase';

/** What happens to instances and registry while the load goes on; before it come `warm-up` and `healthy`. */
export interface Scenario {
  readonly title: string;
  /** In a sentence or two, for the report. */
  readonly text: string;
  readonly instances: number;
  /** Of all from the beginning; 1 to 2 ms an answer by default. */
  readonly behaviour?: Behaviour;
  /** 400 by default. */
  readonly perSecond?: number;
  /** Reads alone by default. */
  readonly hasWrites?: boolean;
  readonly phases: readonly Phase[];
  /** Columns of the report beside those of every scenario. */
  readonly columns?: readonly ColumnName[];
  /** The capacity does not suffice, or no instance serves: no client can do without failures. */
  readonly mayFail?: boolean;
  /** Every answer takes long: no client can keep its latency. */
  readonly maySlow?: boolean;
}
