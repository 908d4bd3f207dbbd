// A program that watches one service and tells its parent, whenever that asks, what it holds:
// `node --expose-gc reconnecting.ts URL CA`.
import { readdirSync } from 'node:fs';
import { KubernetesRegistry } from '../../packages/discovery/src/kubernetes/kubernetes-registry';
import { scaledClock } from '@movies/time/testing';

export interface Holding {
  readonly descriptors: number;
  readonly heapBytes: number;
}

function main([server = '', ca = '']: readonly string[]): void {
  const registry = new KubernetesRegistry({
    clock: scaledClock(50),
    // No back-off: it is the reconnects that are measured.
    random: () => 0,
    findAccess: async () => ({
      server,
      namespace: 'default',
      credentials: async () => ({ headers: {}, tls: { ca } }),
    }),
  });
  registry.watch('metadata');
  process.on('message', () => {
    global.gc?.();
    const holding: Holding = {
      descriptors: readdirSync('/proc/self/fd').length,
      heapBytes: process.memoryUsage().heapUsed,
    };
    process.send?.(holding);
  });
  process.once('disconnect', () => void registry.close());
}

main(process.argv.slice(2));
