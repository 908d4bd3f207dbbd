// undici's BalancedPool with retries, told of every change of the set.
import { BalancedPool, RetryAgent } from 'undici';
import { runClient, type Address } from '../client';
import { deadlineMs } from '../request';
import { failureOf, outcomeOf } from './failure-of';

const tryMs = 900;
const retry = {
  maxRetries: 2,
  minTimeout: 25,
  maxTimeout: 250,
  errorCodes: [
    'ECONNRESET',
    'ECONNREFUSED',
    'EPIPE',
    'UND_ERR_SOCKET',
    'UND_ERR_CONNECT_TIMEOUT',
    'UND_ERR_HEADERS_TIMEOUT',
    'UND_ERR_BODY_TIMEOUT',
  ],
};

runClient(({ addresses }) => {
  const originOf = ({ port }: Address) => `http://127.0.0.1:${port}`;
  const pool = new BalancedPool(addresses.map(originOf), {
    connections: 128,
    headersTimeout: tryMs,
    bodyTimeout: tryMs,
    connect: { timeout: tryMs },
  });
  const agent = new RetryAgent(pool, retry);
  return {
    call: async ({ id, method }) => {
      try {
        const { statusCode, body } = await agent.request({
          // BalancedPool puts the origin of the chosen instance in its place.
          origin: 'http://items.internal',
          path: `/items/${id}`,
          method,
          signal: AbortSignal.timeout(deadlineMs),
        });
        await body.dump();
        return outcomeOf(statusCode);
      } catch (error: unknown) {
        return failureOf(error);
      }
    },
    update: (set) => {
      const wanted = new Set(set.map(originOf));
      const known = new Set(pool.upstreams);
      for (const origin of wanted) if (!known.has(origin)) pool.addUpstream(origin);
      for (const origin of known) if (!wanted.has(origin)) pool.removeUpstream(origin);
    },
    close: () => agent.destroy(),
  };
});
