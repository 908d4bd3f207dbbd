import { createInstance, type Instance } from '@movies/discovery';
import { delay, systemClock } from '@movies/time';
import { ConsulRegistry } from '@movies/discovery/consul';
import { registryContract } from '@movies/discovery/contract';
import { registrarContract } from '@movies/discovery/registrar-contract';
import { ConsulAgent, describeWithConsul } from './consul-agent';
import { until } from '../until';

jest.setTimeout(60_000);

describeWithConsul('on a real Consul', (binary) => {
  async function open() {
    const agent = await ConsulAgent.start(binary);
    const published = new Map<string, readonly Instance[]>();
    const registry = new ConsulRegistry({ agents: [{ host: '127.0.0.1', port: agent.port }] });
    const close = async () => {
      await registry.close();
      await agent.kill();
    };
    return {
      agent,
      registry,
      publish: (service: string, instances: readonly Instance[]) => {
        published.set(service, instances);
        return publish(agent, service, instances);
      },
      breakDown: () => agent.kill(),
      repair: async () => {
        await agent.start();
        for (const [service, instances] of published) await publish(agent, service, instances);
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  registryContract('ConsulRegistry', open);

  registrarContract('ConsulRegistry', async () => {
    const harness = await open();
    return {
      ...harness,
      registrar: harness.registry,
      service: 'metadata',
      // A beat every 3 s ± 10 %, and up to 1 s until a forgotten instance is registered again.
      letBeatsPass: () => delay(4500, systemClock, new AbortController().signal),
      forget: async () => {
        await harness.agent.kill();
        await harness.agent.start();
      },
    };
  });

  it('has the registration back 5 s after its agent restarted empty, and a watch never lost it', async () => {
    await using consul = await open();
    const { agent, registry } = consul;
    const registration = await registry.register(metadata);
    const watch = registry.watch('metadata');
    await watch.firstSync();
    const told: { ids: string; failed: boolean }[] = [];
    watch.subscribe(({ instances, failure }) => {
      told.push({
        ids: instances.map(({ id, state }) => `${id}=${state}`).join(),
        failed: failure !== undefined,
      });
    });
    await agent.kill();
    await until(async () => watch.failure !== undefined);
    await agent.start();
    const restartedAt = performance.now();
    await until(async () => (await agent.passing('metadata')).length === 1);
    expect(performance.now() - restartedAt).toBeLessThan(5000);
    // Past the time in which absence removes nothing.
    await delay(16_000, systemClock, new AbortController().signal);
    expect(new Set(told.map(({ ids }) => ids))).toEqual(new Set(['metadata-1=ready']));
    expect([told.some(({ failed }) => failed), told.at(-1)?.failed]).toEqual([true, false]);
    await registration.deregister();
  });

  it('shows tags and meta, and keeps passing beyond the TTL', async () => {
    await using consul = await open();
    const { agent, registry } = consul;
    const registration = await registry.register(metadata);
    expect(await agent.get('/v1/health/service/metadata?passing')).toMatchObject([
      {
        Service: {
          Tags: ['version=1.2.3', 'zone=zone-1'],
          Meta: { version: '1.2.3', zone: 'zone-1' },
        },
      },
    ]);
    const watch = registry.watch('metadata');
    const states = new Set<string>();
    watch.subscribe(({ instances }) => states.add(instances.map(({ state }) => state).join()));
    await delay(12_000, systemClock, new AbortController().signal);
    expect([...states]).toEqual(['ready']);
    expect(registration.failure).toBeUndefined();
    await registration.deregister();
  });
});

const metadata = createInstance({
  id: 'metadata-1',
  service: 'metadata',
  host: '10.0.0.1',
  port: 8081,
  zone: 'zone-1',
  labels: { version: '1.2.3' },
});

/** Makes exactly these instances passing, as another program would, and waits until Consul says so. */
async function publish(
  agent: ConsulAgent,
  service: string,
  instances: readonly Instance[],
): Promise<void> {
  const ids = instances.map(({ id }) => id).sort();
  for (const id of await agent.passing(service)) {
    if (!ids.includes(id)) await agent.put(`/v1/agent/service/deregister/${id}`);
  }
  for (const { id, host, port } of instances) {
    await agent.put('/v1/agent/service/register', {
      ID: id,
      Name: service,
      Address: host,
      Port: port,
      Check: { TTL: '10m', Status: 'passing' },
    });
  }
  await until(async () => (await agent.passing(service)).join() === ids.join());
}
