// The adapter and a client on its set: node watch-ours.ts NAMESPACE
import { KubernetesRegistry } from '@movies/discovery/kubernetes';
import { instancesOf, formatAddress, type Instance } from '@movies/discovery';
import { ServiceClient } from '@movies/service-client';
import { service } from './churning-slices';
import { WatchGauge } from './watch-gauge';

/** Bytes of the heap that are in use. */
export interface HeapUse {
  readonly setBytes: number;
  readonly upstreamsBytes: number;
}

const [namespace = ''] = process.argv.slice(2);
/** As many as there are slices: the last one of each is replaced with each change, and they sort last. */
const markers = 50;
const gauge = new WatchGauge();
const registry = new KubernetesRegistry({ namespace });
const watch = registry.watch('nobody');
let known: readonly Instance[] = [];

gauge.serve({
  start: async (): Promise<HeapUse> => {
    // What is loaded and connected once is no part of the set.
    await watch.synced();
    const before = heapBytes();
    const set = registry.watch(service);
    await set.synced({ timeoutMs: 30_000 });
    const withSet = heapBytes();
    const client = new ServiceClient({ service, registry });
    const withUpstreams = heapBytes();
    // Told after the client: what it picks next it picks from this set.
    client.watch.subscribe((view) => {
      const instances = instancesOf(view);
      for (let i = instances.length - markers; i < instances.length; i += 1) {
        const instance = instances[i];
        if (instance !== undefined && instance !== known[i]) gauge.stamp(instance.id);
      }
      known = instances;
    });
    return { setBytes: withSet - before, upstreamsBytes: withUpstreams - withSet };
  },
  set: () =>
    known.map((instance) => `${instance.id} ${formatAddress(instance)} ${instance.state}`).sort(),
});

function heapBytes(): number {
  if (globalThis.gc === undefined) throw new Error('needs --expose-gc');
  for (let i = 0; i < 3; i += 1) globalThis.gc();
  return process.memoryUsage().heapUsed;
}
