import { instancesOf, type ServiceWatch, type Snapshot } from '@movies/discovery';
import { until, untilEqual } from '../until';
import { describeOnCluster, ownerDoes } from './cluster';
import { kubectlSet, settled, watchedSet } from './kubectl-set';
import { deployment, service } from './manifests';
import { ProxiedRegistry } from './proxied-registry';
import { TestNamespace } from './test-namespace';

jest.setTimeout(120_000);

describeOnCluster(
  'the watched set is that of kubectl get endpointslices',
  () => {
    let namespace: TestNamespace;
    let slices: ProxiedRegistry;
    let olderApi: ProxiedRegistry;
    let watch: ServiceWatch;

    beforeAll(async () => {
      namespace = await TestNamespace.create();
      await namespace.apply(deployment('web', 2), service('web'));
      // By the namespace of the kubeconfig's context, since none is named.
      slices = await ProxiedRegistry.open({}, { namespace: namespace.name });
      olderApi = await ProxiedRegistry.open({ namespace: namespace.name, api: 'endpoints' });
      watch = slices.registry.watch('web');
      await namespace.kubectl('rollout', 'status', 'deployment/web');
      await settled(namespace, watch, 2);
    });

    afterAll(async () => {
      await slices.close();
      await olderApi.close();
      await namespace.remove();
    });

    it('after a Deployment was scaled up and down, and in the older API too', async () => {
      const older = olderApi.registry.watch('web');
      for (const replicas of [5, 1, 0, 2]) {
        await namespace.kubectl('scale', 'deployment/web', `--replicas=${replicas}`);
        const told = await settled(namespace, watch, replicas);
        await untilEqual(() => watchedSet(older), told, 5000);
        expect(watchedSet(watch)).toEqual(told);
      }
    });

    it('after a rollout, during which there was always a ready one', async () => {
      const seen = record(watch);
      const before = await kubectlSet(namespace, 'web');
      await namespace.kubectl('rollout', 'restart', 'deployment/web');
      await namespace.kubectl('rollout', 'status', 'deployment/web');
      const after = await settled(namespace, watch, 2);
      expect(after.filter((each) => before.includes(each))).toEqual([]);
      const states = seen.map(({ instances }) => instances.map(({ state }) => state));
      expect(states.filter((set) => !set.includes('ready'))).toEqual([]);
      expect(states.flat()).toContain('draining');
    });

    it('after a pod was deleted by force', async () => {
      const [instance] = instancesOf(watch.view);
      const [pod = ''] = (instance?.id ?? '').split('.');
      await namespace.kubectl('delete', 'pod', pod, '--force', '--grace-period=0');
      await until(() => !watchedSet(watch).some((each) => each.startsWith(`${pod}.`)), 5000);
      await settled(namespace, watch, 2);
    });

    it('after the process of a pod was killed: it is not ready until it runs again', async () => {
      const seen = record(watch);
      const before = await kubectlSet(namespace, 'web');
      const [id = ''] = (before[0] ?? '').split(' ');
      const [pod = ''] = id.split('.');
      await ownerDoes('CLUSTER_KILL_POD', '-n', namespace.name, pod);
      await until(() => states(seen, id).includes('not_ready'), 30_000);
      expect(await settled(namespace, watch, 2)).toEqual(before);
    });
  },
  ['CLUSTER_KILL_POD'],
);

function record(watch: ServiceWatch): Snapshot[] {
  const snapshots: Snapshot[] = [];
  watch.subscribe((view) => {
    if (view.state === 'known') snapshots.push(view);
  });
  return snapshots;
}

function states(snapshots: readonly Snapshot[], id: string): string[] {
  return snapshots
    .flatMap(({ instances }) => instances)
    .filter((instance) => instance.id === id)
    .map(({ state }) => state);
}
