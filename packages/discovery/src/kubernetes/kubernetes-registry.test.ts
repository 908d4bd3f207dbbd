import { registryContract } from '../adapter/registry.contract';
import { FakeApiServer } from '../testing/fake-api-server';
import { scaledClock } from '@movies/time/testing';
import { endpointsOf, sliceOf } from '../testing/slices';
import { KubernetesRegistry } from './kubernetes-registry';

const clock = scaledClock(10);

async function open(api: 'endpointslices' | 'endpoints') {
  const fake = await FakeApiServer.start();
  const { port } = fake;
  const registry = new KubernetesRegistry({
    api,
    clock,
    findAccess: async () => ({
      server: `https://127.0.0.1:${port}`,
      namespace: 'default',
      credentials: async () => ({ headers: {}, tls: { ca: fake.ca } }),
    }),
  });
  return {
    fake,
    registry,
    publish: async (service: string, instances: readonly { readonly host: string }[]) => {
      const addresses = instances.map(({ host }) => host);
      if (api === 'endpoints') fake.put(endpointsOf(service, addresses), api);
      else fake.put(sliceOf(service, addresses));
    },
    breakDown: () => fake.stop(),
    repair: async () => {
      await fake.listen(port);
      // A server sends one about every minute; a watch that was opened again waits for it.
      void fake.nextWatch().then(() => {
        fake.bookmark();
      });
    },
    close: async () => {
      await registry.close();
      await fake.stop();
    },
  };
}

registryContract('KubernetesRegistry on EndpointSlices', () => open('endpointslices'));
registryContract('KubernetesRegistry on Endpoints', () => open('endpoints'));
