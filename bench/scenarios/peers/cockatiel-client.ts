// cockatiel round fetch to one virtual address: retry, breaker and timeout.
import {
  BrokenCircuitError,
  circuitBreaker,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleAll,
  retry,
  TaskCancelledError,
  timeout,
  TimeoutStrategy,
  wrap,
} from 'cockatiel';
import { runClient } from '../client';
import { failureOf } from '../clients/failure-of';
import { VirtualAddress } from '../clients/virtual-address-agent';
import { deadlineMs } from '../request';

const tryMs = 900;

/** To the policies an answer of 5xx is a failure as any other. */
class ServerError extends Error {}

runClient(({ addresses }) => {
  const virtual = new VirtualAddress(addresses);
  const retries = retry(handleAll, {
    maxAttempts: 2,
    backoff: new ExponentialBackoff({ initialDelay: 25, maxDelay: 250 }),
  });
  const breaker = circuitBreaker(handleAll, {
    halfOpenAfter: 5000,
    breaker: new ConsecutiveBreaker(5),
  });
  const limit = timeout(tryMs, TimeoutStrategy.Aggressive);
  const repeatable = wrap(retries, breaker, limit);
  const once = wrap(breaker, limit);
  return {
    call: async (request) => {
      try {
        const policy = request.method === 'POST' ? once : repeatable;
        await policy.execute(async ({ signal }) => {
          const status = await virtual.fetch(request, signal);
          if (status >= 500) throw new ServerError(String(status));
        }, AbortSignal.timeout(deadlineMs));
        return 'ok';
      } catch (error: unknown) {
        if (error instanceof ServerError) return error.message;
        if (error instanceof BrokenCircuitError) return 'breaker_open';
        if (error instanceof TaskCancelledError) return 'timeout';
        return failureOf(error);
      }
    },
    update: (set) => {
      virtual.update(set);
    },
    close: () => virtual.close(),
  };
});
