import type { Instance } from '@movies/discovery';
import { registryContract } from '@movies/discovery/contract';
import { DnsRegistry, type DnsRegistryOptions } from '@movies/discovery/dns';
import { Resolver } from 'node:dns/promises';
import { scaledClock } from '@movies/time/testing';
import { until, untilEqual } from '../until';
import { describeOnCluster } from './cluster';
import { kubectlSet } from './kubectl-set';
import { deployment, endpointSlice, service, serviceWithoutSelector } from './manifests';
import { run } from './run';
import { TestNamespace } from './test-namespace';
import { UdpProxy } from './udp-proxy';

jest.setTimeout(120_000);

/** The records live for 5 s, the question is put anew up to 0.5 s later, and the cluster needs its time too. */
const seenMs = 6000;
/** It may have lost its own API server a moment ago. */
const shownMs = 90_000;

describeOnCluster('the DNS of a real cluster', () => {
  let host: string;

  beforeAll(async () => {
    host = await run('kubectl', [
      ...['--namespace', 'kube-system', 'get', 'service', 'kube-dns'],
      '--output=jsonpath={.spec.clusterIP}',
    ]);
  });

  async function open(options: Pick<DnsRegistryOptions, 'kind' | 'port'>) {
    const namespace = await TestNamespace.create();
    const proxy = await UdpProxy.before({ host, port: 53 });
    const suffix = `${namespace.name}.svc.cluster.local`;
    const registry = new DnsRegistry({
      name: `{service}.${suffix}`,
      servers: [proxy.address],
      // The cluster's DNS keeps no answers, so it may be asked before the records' life is over.
      clock: scaledClock(10),
      ...options,
    });
    return {
      registry,
      publish: async (name: string, instances: readonly Instance[]) => {
        const hosts = instances.map((instance) => instance.host);
        await namespace.apply(serviceWithoutSelector(name), endpointSlice(name, hosts));
        const resolver = new Resolver();
        resolver.setServers([host]);
        await until(async () => {
          const told = await resolver.resolve4(`${name}.${suffix}`).catch(() => []);
          return told.sort().join() === hosts.sort().join();
        }, shownMs);
      },
      breakDown: () => proxy.cut(),
      repair: () => proxy.mend(),
      close: async () => {
        await registry.close();
        await proxy.cut();
        await namespace.remove();
      },
    };
  }

  registryContract('DnsRegistry over SRV records', () => open({ kind: 'srv', port: 'http' }));
  registryContract('DnsRegistry over A records', () => open({ kind: 'a', port: 8080 }));

  describe('and the pods of a Deployment', () => {
    let namespace: TestNamespace;
    let registry: DnsRegistry;

    beforeAll(async () => {
      namespace = await TestNamespace.create();
      await namespace.apply(
        deployment('web', 2),
        service('web', { headless: true }),
        service('unnamed', { of: 'web', headless: true, port: '' }),
      );
      await namespace.kubectl('rollout', 'status', 'deployment/web');
      registry = at(`{service}.${namespace.name}.svc.cluster.local`);
    });

    afterAll(async () => {
      await registry.close();
      await namespace.remove();
    });

    function at(name: string): DnsRegistry {
      return new DnsRegistry({ name, kind: 'srv', port: 'http', servers: [{ host, port: 53 }] });
    }

    async function addresses(): Promise<string[]> {
      const told = await kubectlSet(namespace, 'web');
      return told.map((each) => /\S+:\d+/.exec(each)?.[0] ?? each).sort();
    }

    it('are seen within the TTL and a second when they are scaled', async () => {
      const watch = registry.watch('web');
      const ids = () =>
        watch.view.state === 'known' ? watch.view.instances.map(({ id }) => id) : [];
      await untilEqual(ids, await addresses(), shownMs);
      await namespace.kubectl('scale', 'deployment/web', '--replicas=3');
      await namespace.kubectl('rollout', 'status', 'deployment/web');
      const since = performance.now();
      await untilEqual(ids, await addresses(), seenMs);
      const ms = Math.round(performance.now() - since);
      process.stderr.write(`DNS: a pod was seen ${ms} ms after it was ready\n`);
    });

    it('are found by a target that names their namespace and port', async () => {
      await using all = at('{service}.{namespace}.svc.cluster.local');
      const instances = await all.discover(`web.${namespace.name}:http`);
      expect(instances.map(({ id }) => id)).toEqual(await addresses());
    });

    it('have no SRV records without a name of their port, and the message says so', async () => {
      await expect(registry.discover('unnamed')).rejects.toMatchObject({
        code: 'no_instances',
        message: expect.stringMatching(
          /has addresses but no SRV record '_http._tcp.unnamed\..*name the Service's port 'http', or use kind=a/,
        ) as string,
      });
    });

    it('are not found under another suffix, and the message says what to check', async () => {
      await using elsewhere = at('{service}.absent.svc.cluster.local');
      await expect(elsewhere.discover('web')).rejects.toMatchObject({
        code: 'no_instances',
        message: expect.stringMatching(
          /no SRV record '_http._tcp.web.absent.svc.cluster.local.'.*check the name/,
        ) as string,
      });
    });
  });
});
