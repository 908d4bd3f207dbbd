import type { RetryBudget } from './budget';
import type { RetryThrottle } from './throttle';

/** Takes a retry out of both; `false`, and nothing is taken, if one of them has none. */
export function payRetry(budget: RetryBudget, throttle: RetryThrottle): boolean {
  if (!throttle.take()) return false;
  if (budget.withdraw()) return true;
  throttle.giveBack();
  return false;
}
