import type { RetryBudget } from './budget';
import { retryCost, type RetryThrottle } from './throttle';

/** Takes a retry out of both; `false`, and nothing is taken, if one of them has none. */
export function payRetry(
  kind: keyof typeof retryCost,
  budget: RetryBudget,
  throttle: RetryThrottle,
): boolean {
  const cost = retryCost[kind];
  if (!throttle.take(cost)) return false;
  if (budget.withdraw()) return true;
  throttle.giveBack(cost);
  return false;
}
