// moleculer over TCP: it finds the instances by itself, and is told nothing of the registry's set.
import { setTimeout as delay } from 'node:timers/promises';
import { Errors, ServiceBroker } from 'moleculer';
import { runClient } from '../client';
import { actionOf, brokerOptions, clientNode } from './moleculer-broker';

const tryMs = 900;

runClient(async ({ addresses, ownPort }) => {
  const broker = new ServiceBroker({
    ...brokerOptions({ id: clientNode, port: ownPort }, addresses),
    registry: { strategy: 'Latency', strategyOptions: { pingInterval: 1 } },
    requestTimeout: tryMs,
    retryPolicy: { enabled: true, retries: 2, delay: 25, maxDelay: 250, factor: 2 },
    circuitBreaker: {
      enabled: true,
      threshold: 0.5,
      minRequestCount: 20,
      windowTime: 10,
      halfOpenTime: 5000,
    },
    bulkhead: { enabled: true, concurrency: 64, maxQueueSize: 256 },
  });
  await broker.start();
  await broker.waitForServices('items', 10_000);
  await untilKnown(broker, addresses.length);
  return {
    call: async ({ id, method }) => {
      try {
        const retries = method === 'POST' ? { retries: 0 } : {};
        await broker.call(`items.${actionOf[method]}`, { id }, retries);
        return 'ok';
      } catch (error: unknown) {
        return failureOf(error);
      }
    },
    update: () => undefined,
    close: () => broker.stop(),
  };
});

/** Gossip takes a while to bring all instances. */
async function untilKnown(broker: ServiceBroker, instances: number): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (availableNodes(broker) < instances + 1) {
    if (performance.now() > deadline) throw new Error(`moleculer does not find ${instances} nodes`);
    await delay(50);
  }
}

function availableNodes(broker: ServiceBroker): number {
  return broker.registry.getNodeList({ onlyAvailable: true, withServices: false }).length;
}

function failureOf(error: unknown): string {
  if (error instanceof Errors.RequestTimeoutError) return 'timeout';
  if (error instanceof Errors.RequestRejectedError) return 'reset';
  if (error instanceof Errors.ServiceNotAvailableError) return 'no_node';
  if (error instanceof Errors.ServiceNotFoundError) return 'no_node';
  if (error instanceof Errors.QueueIsFullError) return 'queue_full';
  if (!(error instanceof Error)) return 'other';
  return /^50[03]$/.test(error.message) ? error.message : `other: ${error.name} ${error.message}`;
}
