import { failureOf } from '@movies/discovery';
import { until } from '../until';
import { describeOnCluster } from './cluster';
import { kubectlSet, settled, watchedSet } from './kubectl-set';
import { accountThatMay, deployment, endpointSlice, roleThatMay, service } from './manifests';
import { ProxiedRegistry } from './proxied-registry';
import { TestNamespace } from './test-namespace';

jest.setTimeout(120_000);

/** Back-off has answers that are errors asked again after 30 s at most. */
const healsMs = 35_000;

describeOnCluster('a watch says why it has no set, and heals when the cause is gone', () => {
  let namespace: TestNamespace;

  beforeAll(async () => {
    namespace = await TestNamespace.create();
    await namespace.apply(deployment('web', 1));
    await namespace.kubectl('rollout', 'status', 'deployment/web');
  });

  afterAll(() => namespace.remove());

  it('a Service that does not exist', async () => {
    await using proxied = await ProxiedRegistry.open({ namespace: namespace.name });
    await expect(proxied.registry.discover('absent')).rejects.toMatchObject({
      code: 'no_instances',
      message: expect.stringContaining("no EndpointSlice of Service 'absent' exists") as string,
    });
    await namespace.apply(service('absent', { of: 'web' }));
    await settled(namespace, proxied.registry.watch('absent'), 1);
  });

  it('a namespace that does not exist', async () => {
    await using unknown = TestNamespace.named();
    await using proxied = await ProxiedRegistry.open({ namespace: unknown.name });
    const watch = proxied.registry.watch('metadata');
    const { instances, emptyBecause } = await watch.synced();
    expect([instances.length, emptyBecause]).toEqual([
      0,
      expect.stringContaining(
        `in the namespace '${unknown.name}' no EndpointSlice of Service 'metadata' exists`,
      ),
    ]);
    await unknown.create();
    await unknown.apply(endpointSlice('metadata', ['10.0.0.1']));
    await until(() => watchedSet(watch).length === 1, 2000);
  });

  it('a port of another name, naming those there are', async () => {
    await namespace.apply(service('ports', { of: 'web', port: 'grpc' }));
    await until(async () => (await kubectlSet(namespace, 'ports', 'grpc')).length === 1);
    await using proxied = await ProxiedRegistry.open({ namespace: namespace.name });
    const watch = proxied.registry.watch('ports');
    const { instances, emptyBecause } = await watch.synced();
    expect([instances, emptyBecause]).toEqual([
      [],
      expect.stringMatching(
        /no endpoint of Service 'ports' has port 'http'; there are port 'grpc' \(8080\).*port=<name>/,
      ),
    ]);
    expect(failureOf(watch.view)).toBeUndefined();
    const other = proxied.registry.watch('ports:grpc');
    await other.synced();
    expect(watchedSet(other)).toEqual(await kubectlSet(namespace, 'ports', 'grpc'));
    await namespace.apply(service('ports', { of: 'web', port: 'http' }));
    await settled(namespace, watch, 1);
    expect(failureOf(watch.view)).toBeUndefined();
  });

  it('an account that may no longer list and watch: the set stands, and the message names the remedy', async () => {
    await namespace.apply(service('web'), ...accountThatMay('reader', ['list', 'watch']));
    const token = (await namespace.kubectl('create', 'token', 'reader')).trim();
    await using proxied = await ProxiedRegistry.open({ namespace: namespace.name }, { token });
    const watch = proxied.registry.watch('web');
    const before = await settled(namespace, watch, 1);
    // One that may still list is kept equal by lists.
    await namespace.apply(roleThatMay('reader', ['get']));
    // A watch that is open is not asked for its right again.
    await proxied.proxy.cut();
    await proxied.proxy.mend();
    await until(() => watch.failures.has('http_403'), healsMs);
    expect(failureOf(watch.view)?.message).toMatch(
      /answered 403: .*cannot list.*a Role with the verbs list and watch on this resource/,
    );
    expect(watchedSet(watch)).toEqual(before);
    await namespace.kubectl('scale', 'deployment/web', '--replicas=2');
    await namespace.kubectl('rollout', 'status', 'deployment/web');
    expect(watchedSet(watch)).toEqual(before);
    await namespace.apply(roleThatMay('reader', ['list', 'watch']));
    await until(() => failureOf(watch.view) === undefined, healsMs);
    await settled(namespace, watch, 2);
  });
});
