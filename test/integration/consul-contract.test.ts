import { createInstance, failureOf, type Instance } from '@movies/discovery';
import { delay, systemClock } from '@movies/time';
import { scaledClock } from '@movies/time/testing';
import { ConsulRegistry } from '@movies/discovery/consul';
import { registryContract } from '@movies/discovery/contract';
import { registrarContract } from '@movies/discovery/registrar-contract';
import { ConsulAgent, describeWithConsul, publish } from './consul-agent';
import { until } from '../until';

jest.setTimeout(60_000);

describeWithConsul('on a real Consul', (binary) => {
  async function open(clock = systemClock) {
    const agent = await ConsulAgent.start(binary);
    const published = new Map<string, readonly Instance[]>();
    const registry = new ConsulRegistry({
      agents: [{ host: '127.0.0.1', port: agent.port }],
      clock,
    });
    const close = async () => {
      await registry.close();
      await agent.kill();
    };
    return {
      agent,
      registry,
      publish: async (service: string, instances: readonly Instance[]) => {
        published.set(service, instances);
        // One that is down is told when it is started again.
        if (agent.pid !== undefined) await publish(agent, service, instances);
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

  // The agent is as fast as it is; what waits for it on our side is five times as fast.
  const fast = scaledClock(5);

  registryContract('ConsulRegistry', () => open(fast));

  registrarContract('ConsulRegistry', async () => {
    const harness = await open(fast);
    return {
      ...harness,
      registrar: harness.registry,
      service: 'metadata',
      // A beat every 3 s ± 10 %, and up to 1 s until a forgotten instance is registered again.
      letBeatsPass: () => delay(4500, fast, new AbortController().signal),
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
    await watch.synced();
    const told: { ids: string; failed: boolean }[] = [];
    watch.subscribe((view) => {
      if (view.state !== 'known') return;
      told.push({
        ids: view.instances.map(({ id, state }) => `${nameOf(id)}=${state}`).join(),
        failed: view.failure !== undefined,
      });
    });
    await agent.kill();
    await until(() => failureOf(watch.view) !== undefined);
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
          Tags: ['blue', 'traefik.enable=true'],
          Meta: { version: '1.2.3', zone: 'zone-1' },
        },
      },
    ]);
    const watch = registry.watch('metadata');
    const states = new Set<string>();
    watch.subscribe((view) => {
      if (view.state === 'known') states.add(view.instances.map(({ state }) => state).join());
    });
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
  tags: ['blue', 'traefik.enable=true'],
  labels: { version: '1.2.3' },
});

/** What an instance is called on its node. */
function nameOf(id: string): string {
  return id.slice(id.indexOf('/') + 1);
}
