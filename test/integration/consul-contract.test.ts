import { delay, systemClock, type Instance } from '@movies/discovery';
import { ConsulRegistry } from '@movies/discovery/consul';
import { registryContract } from '@movies/discovery/contract';
import { registrarContract } from '@movies/discovery/registrar-contract';
import { ConsulAgent, describeWithConsul } from './consul-agent';
import { until } from './consul-system';

jest.setTimeout(60_000);

describeWithConsul('on a real Consul', (binary) => {
  async function open() {
    const agent = await ConsulAgent.start(binary);
    const published = new Map<string, readonly Instance[]>();
    const registry = new ConsulRegistry({ agents: [{ host: '127.0.0.1', port: agent.port }] });
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
      close: async () => {
        await registry.close();
        await agent.kill();
      },
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
