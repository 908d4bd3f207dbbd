import { failureOf, type ServiceWatch } from '@movies/discovery';
import { get } from 'node:https';
import { kubeAccessSource } from '../../packages/discovery/src/kubernetes/access/kube-access-source';
import { killServiceProcesses, ServiceProcess } from '../system/service-process';
import { until } from '../until';
import { describeOnCluster, ownerDoes } from './cluster';
import { clusterRecovered, recoveryLimitMs } from './cluster-recovered';
import { settled, watchedSet } from './kubectl-set';
import { endpointSlice } from './manifests';
import { ProxiedRegistry } from './proxied-registry';
import { TestNamespace } from './test-namespace';

jest.setTimeout(240_000);

const outageMs = 60_000;
/** A server that cannot be reached is asked again after 5 s at most. */
const healsMs = 6000;

describeOnCluster(
  'while the API server is gone',
  () => {
    let namespace: TestNamespace;
    let proxied: ProxiedRegistry;
    let watch: ServiceWatch;

    beforeAll(async () => {
      namespace = await TestNamespace.create();
      // Without pods: the cluster's own controllers take a minute to come back after their server.
      await namespace.apply(endpointSlice('metadata', ['10.0.0.1', '10.0.0.2']));
      proxied = await ProxiedRegistry.open({ namespace: namespace.name });
      watch = proxied.registry.watch('metadata');
      await settled(namespace, watch, 2);
    });

    afterEach(() => killServiceProcesses());

    afterAll(async () => {
      await proxied.close();
      await namespace.remove();
    });

    afterAll(clusterRecovered, recoveryLimitMs);

    it('for a minute, the set stands and its age shows, and 6 s after the return it is confirmed', async () => {
      const movie = new ServiceProcess({
        script: 'services/movie/src/main.ts',
        args: ['--port', '0', '--registry', `kubernetes://${namespace.name}`],
      });
      await movie.ready();
      const metrics = `http://127.0.0.1:${await movie.port()}/metrics`;
      const before = watchedSet(watch);
      try {
        await ownerDoes('CLUSTER_API_STOP');
        const stoppedAt = performance.now();
        await until(() => performance.now() - stoppedAt > outageMs, outageMs + 5000);
        expect(watchedSet(watch)).toEqual(before);
        expect(failureOf(watch.view)?.message).toContain('cannot be reached');
        expect(watch.ageMs).toBeGreaterThan(outageMs);
        expect(await metric(metrics, readyInstances)).toBe(2);
        expect(await metric(metrics, age)).toBeGreaterThan(outageMs / 1000);
      } finally {
        await startAndTime('the set of a watch', () => failureOf(watch.view) === undefined);
      }
      // It asks nothing before its own back-off is over, so it is timed by its own age.
      await until(async () => (await metric(metrics, age)) < outageMs / 1000, healsMs);
      expect(await metric(metrics, readyInstances)).toBe(2);
      await namespace.apply(endpointSlice('metadata', ['10.0.0.1', '10.0.0.2', '10.0.0.3']));
      await settled(namespace, watch, 3);
      await until(async () => (await metric(metrics, readyInstances)) === 3, 2000);
    });

    it('and its store forgets what was: the set is listed anew, and right', async () => {
      const before = watchedSet(watch);
      await proxied.proxy.cut();
      await namespace.apply(endpointSlice('metadata', ['10.0.0.4']));
      await ownerDoes('CLUSTER_COMPACT');
      await ownerDoes('CLUSTER_API_STOP');
      await ownerDoes('CLUSTER_API_START');
      expect(watchedSet(watch)).toEqual(before);
      await proxied.proxy.mend();
      await until(() => failureOf(watch.view) === undefined, 15_000);
      await settled(namespace, watch, 1);
    });
  },
  ['CLUSTER_API_STOP', 'CLUSTER_API_START', 'CLUSTER_COMPACT'],
);

const readyInstances = 'discovery_instances{service="metadata",state="ready"}';
const age = 'discovery_snapshot_age_seconds{service="metadata"}';

/** The value that one of the service's metrics has now. */
async function metric(url: string, series: string): Promise<number> {
  const text = await (await fetch(url)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.split(' ')[1]);
}

/** Starts the API server, and sees to it that `isSo` no more than 6 s after it says that it is ready. */
async function startAndTime(what: string, isSo: () => boolean): Promise<void> {
  const started = ownerDoes('CLUSTER_API_START');
  await until(answersReady, 60_000);
  const readyAt = performance.now();
  await until(isSo, healsMs);
  const ms = Math.round(performance.now() - readyAt);
  process.stderr.write(`${what}: healed ${ms} ms after the API server's /readyz said ok\n`);
  await started;
}

async function answersReady(): Promise<boolean> {
  const access = await kubeAccessSource({})();
  const { headers, tls } = await access.credentials();
  const url = `${access.server}/readyz`;
  return new Promise((resolve) => {
    const request = get(url, { ...tls, headers, agent: false, timeout: 1000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => {
      resolve(false);
    });
  });
}
