import type { Instance } from '@movies/discovery';
import { registryContract } from '@movies/discovery/contract';
import { describeOnCluster } from './cluster';
import { endpoints, endpointSlice } from './manifests';
import { ProxiedRegistry } from './proxied-registry';
import { TestNamespace } from './test-namespace';

describeOnCluster('on a real API server', () => {
  async function open(api: 'endpointslices' | 'endpoints') {
    const namespace = await TestNamespace.create();
    const proxied = await ProxiedRegistry.open({ namespace: namespace.name, api });
    return {
      registry: proxied.registry,
      publish: (service: string, instances: readonly Instance[]) => {
        const hosts = instances.map(({ host }) => host);
        const manifest = api === 'endpoints' ? endpoints : endpointSlice;
        return namespace.apply(manifest(service, hosts));
      },
      breakDown: () => proxied.proxy.cut(),
      repair: () => proxied.proxy.mend(),
      close: async () => {
        await proxied.close();
        await namespace.remove();
      },
    };
  }

  registryContract('KubernetesRegistry on EndpointSlices', () => open('endpointslices'));
  registryContract('KubernetesRegistry on Endpoints', () => open('endpoints'));
});
