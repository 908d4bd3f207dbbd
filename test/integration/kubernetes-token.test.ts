import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '@movies/time';
import { KubeApi } from '../../packages/discovery/src/kubernetes/api-server/kube-api';
import { ListWatch } from '../../packages/discovery/src/kubernetes/list-watch/list-watch';
import { KubernetesRegistry } from '../../packages/discovery/src/kubernetes/kubernetes-registry';
import { serviceAccountAccess } from '../../packages/discovery/src/kubernetes/access/service-account';
import { FakeApiServer } from '../../packages/discovery/src/testing/fake-api-server';
import { sliceOf } from '../../packages/discovery/src/testing/slices';

const seconds = 60;

it(
  'no 401 reaches the caller while a pod’s token is exchanged every second, for a minute of real time',
  async () => {
    const fake = await FakeApiServer.start();
    const folder = await mkdtemp(path.join(tmpdir(), 'service-account-'));
    let generation = 0;
    const rotate = () => {
      generation += 1;
      writeFileSync(path.join(folder, 'token'), `token-${generation}\n`);
      fake.tokens = new Set([`token-${generation}`]);
    };
    writeFileSync(path.join(folder, 'namespace'), 'default');
    writeFileSync(path.join(folder, 'ca.crt'), fake.ca);
    rotate();
    fake.put(sliceOf('metadata', ['10.0.0.1']));
    const env = {
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(fake.port),
    };
    const findAccess = () => serviceAccountAccess(env, folder);
    const registry = new KubernetesRegistry({ findAccess });
    const api = new KubeApi({ findAccess, clock: systemClock });
    const slices = new ListWatch({
      api,
      clock: systemClock,
      path: (namespace) => `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
      selector: {},
      namespace: undefined,
      idleMs: 90_000,
    });
    const rotating = setInterval(rotate, 1000);
    try {
      const watch = registry.watch('metadata');
      await watch.synced();
      const { signal } = new AbortController();
      const began = performance.now();
      let lists = 0;
      while (performance.now() - began < seconds * 1000) {
        // As many as find the moment between an old token's end and the new one's reading.
        const results = await Promise.all(
          [1, 2, 3, 4].map(() => slices.list('consistent', signal)),
        );
        lists += results.length;
        expect(results.map(({ objects }) => objects.length)).toEqual([1, 1, 1, 1]);
        await delay(5);
      }
      expect(generation).toBeGreaterThanOrEqual(seconds - 1);
      expect(lists).toBeGreaterThan(1000);
      expect([...watch.failures]).toEqual([]);
      expect(fake.connections).toBe(2);
    } finally {
      clearInterval(rotating);
      await registry.close();
      await api.close();
      await fake.stop();
      await rm(folder, { recursive: true });
    }
  },
  (seconds + 30) * 1000,
);
