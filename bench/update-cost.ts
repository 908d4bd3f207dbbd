import { SnapshotStore } from '../packages/discovery/src/adapter/snapshot-store';
import { EndpointSliceSet } from '../packages/discovery/src/kubernetes/endpoints/endpoint-slice-set';
import type { Instance } from '@movies/discovery';
import { systemClock } from '@movies/time';
import { ChurningSlices, service, type SliceDocument } from './kubernetes/churning-slices';
import { openHostSet } from './host-set';
import { median, table } from './table';

const updates = 2000;
const warmUps = 1000;

/** What one changed slice costs on its way to the pick: 20 of 5,000 endpoints changed, one of them another pod. */
export async function measureUpdateCost(): Promise<string> {
  const slices = new ChurningSlices({ slices: 50, endpointsPerSlice: 100, changesPerUpdate: 20 });
  const set = new EndpointSliceSet({ service, port: 'http' });
  const store = new SnapshotStore({ service, clock: systemClock });
  const hosts = openHostSet();
  set.replace(slices.all);
  store.publish(set.instances);
  // As the wire brings it: parsed, with strings of its own.
  const read = () => JSON.parse(JSON.stringify(slices.next())) as SliceDocument;
  let slice = read();
  const steps: readonly (readonly [name: string, take: () => void])[] = [
    [
      'EndpointSliceSet: read one slice, find the instances',
      () => {
        set.put(slice);
        return set.instances;
      },
    ],
    [
      'SnapshotStore.publish: compare, make a snapshot',
      () => {
        store.publish(set.instances);
      },
    ],
    [
      'HostSet.update: what there is to pick from',
      () => {
        hosts.update(instancesOf(store));
      },
    ],
  ];
  const microseconds = steps.map((): number[] => []);
  for (let i = -warmUps; i < updates; i += 1) {
    // An iteration starts with what the last one left to the collector.
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    slice = read();
    for (const [step, [, take]] of steps.entries()) {
      const startedAt = process.hrtime.bigint();
      take();
      if (i >= 0) microseconds[step]?.push(Number(process.hrtime.bigint() - startedAt) / 1000);
    }
  }
  await hosts.close(0);
  const rows = steps.map(([name], step) => {
    const all = microseconds[step] ?? [];
    const sum = all.reduce((a, b) => a + b, 0);
    return [name, median(all).toFixed(0), (sum / all.length).toFixed(0)];
  });
  return table(['20 of 5,000 change', 'µs, median', 'mean'], rows);
}

function instancesOf({ view }: SnapshotStore): readonly Instance[] {
  if (view.state === 'unknown') throw new Error('nothing was published');
  return view.instances;
}
