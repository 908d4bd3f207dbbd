import type { LatencyHistogram } from '../latency-histogram';

/**
 * How long a request waits for its attempts before it asks another host beside them. `half`: half of the time that is
 * left, but no less than half of the good responses of late took. A number: so many milliseconds. `p95`: as long as 95 % of
 * the good responses of late took; as `half` while that is not known.
 */
export type Patience = 'half' | 'p95' | number;

/** Shorter waits are the noise of timers. */
const leastMs = 1;

/** Milliseconds to wait, of `remainingMs` that are left. */
export function patienceMs(
  patience: Patience,
  remainingMs: number,
  latencies: LatencyHistogram,
): number {
  const half = Math.max(remainingMs / 2, latencies.medianMs);
  if (patience === 'half') return Math.max(leastMs, half);
  return Math.max(leastMs, patience === 'p95' ? (latencies.quantile(0.95) ?? half) : patience);
}
