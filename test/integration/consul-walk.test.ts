import { once } from 'node:events';
import { connect } from 'node:net';
import { ConsulRegistry } from '@movies/discovery/consul';
import { startTraffic } from '../system/traffic';
import { killServiceProcesses } from '../system/service-process';
import { ConsulAgent, describeWithConsul } from './consul-agent';
import { CountingProxy } from './counting-proxy';
import { readyInstances, startService, startSystem } from './consul-system';
import { until } from '../until';

describeWithConsul("the tutorial's walk, on a real Consul", (binary) => {
  let consul: ConsulAgent;

  beforeEach(async () => {
    consul = await ConsulAgent.start(binary);
  });

  afterEach(async () => {
    await killServiceProcesses();
    await consul.kill();
  });

  it('lists an instance as passing only once it accepts connections', async () => {
    const registry = new ConsulRegistry({ agents: [{ host: '127.0.0.1', port: consul.port }] });
    const connected = new Promise<void>((resolve, reject) => {
      registry.watch('metadata').subscribe((view) => {
        const instance = view.state === 'known' ? view.instances[0] : undefined;
        if (instance?.state !== 'ready') return;
        const socket = connect(instance.port, instance.host);
        once(socket, 'connect').then(() => {
          socket.destroy();
          resolve();
        }, reject);
      });
    });
    const metadata = startService('metadata', consul.url);
    await connected;
    await metadata.ready();
    await registry.close();
  });

  it('shows the version of an instance', async () => {
    await startService('metadata', consul.url).ready();
    const [entry] = (await consul.get('/v1/catalog/service/metadata')) as {
      ServiceMeta: Record<string, string>;
    }[];
    expect(entry).toMatchObject({
      ServiceMeta: { version: expect.stringMatching(/^\d/) as string },
    });
  });

  it('reaches both of two instances by 20 requests one after the other', async () => {
    const { movieUrl } = await startSystem(consul, 2);
    const upstreams = new Set<string>();
    for (let i = 0; i < 20; i += 1) {
      const response = await fetch(movieUrl);
      expect(response.status).toBe(200);
      for (const upstream of (response.headers.get('x-upstreams') ?? '').split(', ')) {
        upstreams.add(upstream);
      }
    }
    expect([...upstreams].filter((upstream) => upstream.startsWith('metadata='))).toHaveLength(2);
    expect([...upstreams].filter((upstream) => upstream.startsWith('rating='))).toHaveLength(2);
  });

  it('takes an instance out of Consul at once on Ctrl-C, and no request fails', async () => {
    const { metadata, movie, movieUrl } = await startSystem(consul, 2);
    const traffic = startTraffic(movieUrl, 50);
    await until(async () =>
      Promise.resolve(metadata[1]?.lines.some(({ msg }) => msg === 'request') ?? false),
    );
    metadata[1]?.signal('SIGINT');
    expect(await metadata[1]?.exited).toBe(0);
    expect(await consul.passing('metadata')).toHaveLength(1);
    const entries = await consul.get('/v1/health/service/metadata');
    expect(entries).toHaveLength(1);
    const origin = new URL(movieUrl).origin;
    await until(async () => (await readyInstances(origin, 'metadata')) === 1, 1000);
    // Nothing of this is a failure of the registry.
    expect(movie.lines.filter(({ level }) => level !== 'info')).toEqual([]);
    const { sent, outcomes } = await traffic.stop();
    expect(outcomes).toEqual({ 200: sent });
  });

  it('fails no request when an instance is killed under traffic', async () => {
    const { metadata, rating, movieUrl } = await startSystem(consul, 2);
    const traffic = startTraffic(movieUrl, 50);
    await until(async () =>
      Promise.resolve(rating[1]?.lines.some(({ msg }) => msg === 'request') ?? false),
    );
    metadata[0]?.signal('SIGKILL');
    rating[0]?.signal('SIGKILL');
    await metadata[0]?.exited;
    // Its check turns critical after the TTL of 10 s, and then it leaves the set.
    await until(async () => (await consul.passing('metadata')).length === 1, 20_000);
    const { sent, outcomes } = await traffic.stop();
    expect(sent).toBeGreaterThan(300);
    expect(outcomes).toEqual({ 200: sent });
  });

  it('answers in bounded time while an instance hangs, and by the others', async () => {
    const { metadata, movieUrl } = await startSystem(consul, 2);
    metadata[0]?.signal('SIGSTOP');
    const traffic = startTraffic(movieUrl, 50);
    await until(async () => (await consul.passing('metadata')).length === 1, 20_000);
    const { sent, outcomes, slowestMs } = await traffic.stop();
    expect(outcomes).toEqual({ 200: sent });
    expect(slowestMs).toBeLessThan(2000);
  });

  it('asks Consul nothing for a request', async () => {
    const proxy = await CountingProxy.before(consul.port);
    const { movieUrl } = await startSystem({ url: `consul://127.0.0.1:${proxy.port}` }, 1);
    const asked = () => proxy.seen.filter((call) => !call.includes('/v1/agent/check/')).length;
    const before = asked();
    for (let i = 0; i < 100; i += 1) expect((await fetch(movieUrl)).status).toBe(200);
    // A blocking query may return meanwhile, since a state has changed or its time is over.
    expect(asked() - before).toBeLessThan(10);
    await proxy.close();
  });
});
