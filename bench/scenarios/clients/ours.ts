// ServiceClient with its defaults, over a registry that the scenario tells.
import { createInstance } from '@movies/discovery';
import { ServiceClient, UpstreamError } from '@movies/service-client';
import { PublishedRegistry } from '../../../packages/service-client/src/testing/published-registry';
import { runClient, type Address } from '../client';
import { deadlineMs } from '../request';
import { outcomeOf } from './failure-of';

const service = 'items';

runClient(({ addresses }) => {
  const registry = new PublishedRegistry();
  const publish = (set: readonly Address[]) => {
    registry.publish(
      set.map(({ id, port }) => createInstance({ id, service, host: '127.0.0.1', port })),
    );
  };
  publish(addresses);
  const client = new ServiceClient({ service, registry, deadlineMs });
  return {
    call: async ({ id, method }) => {
      try {
        const { status } = await client.request({ method, path: `/items/${id}` });
        return outcomeOf(status);
      } catch (error: unknown) {
        return failureOf(error);
      }
    },
    update: publish,
    loseRegistry: () => {
      registry.fail('the scenario has taken the registry down');
    },
    close: async () => {
      await client.close();
      await registry.close();
    },
  };
});

/** What the last attempt came to, as the other clients say only that. */
function failureOf(error: unknown): string {
  if (!(error instanceof UpstreamError)) return `other: ${String(error)}`;
  if (error.code === 'upstream_timeout') return 'timeout';
  return error.attempts.at(-1)?.outcome ?? error.code;
}
