import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInstance, failureOf, type Instance, type ServiceWatch } from '@movies/discovery';
import { ConsulRegistry, type ConsulRegistryOptions } from '@movies/discovery/consul';
import { registryContract } from '@movies/discovery/contract';
import { registrarContract } from '@movies/discovery/registrar-contract';
import { delay } from '@movies/time';
import { scaledClock } from '@movies/time/testing';
import { selfSigned } from '../../packages/discovery/src/testing/self-signed';
import { TcpProxy } from '../cluster/tcp-proxy';
import { until } from '../until';
import { ConsulAgent, describeWithConsul, publish } from './consul-agent';

/** The agent is as fast as it is; what waits for it on our side is five times as fast. */
const clock = scaledClock(5);
const policies = {
  services: ['metadata', 'rating', 'nobody'],
  secretToo: ['metadata', 'rating', 'nobody', 'secret'],
};

describeWithConsul('on a real Consul with ACLs and TLS', (binary) => {
  const folder = mkdtempSync(join(tmpdir(), 'consul-acl-tls-'));
  const file = (name: string) => join(folder, name);
  const tls = { caFile: file('ca'), certFile: file('client'), keyFile: file('client-key') };
  const tokenFile = file('token');
  const management = randomUUID();
  let agent: ConsulAgent;

  beforeAll(async () => {
    const [server, client] = [selfSigned(), selfSigned()];
    writeFileSync(file('server'), server.cert);
    writeFileSync(file('server-key'), server.key);
    writeFileSync(file('client-ca'), client.cert);
    writeFileSync(tls.caFile, server.cert);
    writeFileSync(tls.certFile, client.cert);
    writeFileSync(tls.keyFile, client.key);
    agent = await ConsulAgent.start(binary, {
      token: management,
      hcl: `
        acl {
          enabled = true
          default_policy = "deny"
          tokens { initial_management = "${management}", agent = "${management}" }
        }
        tls {
          https {
            cert_file = "${file('server')}"
            key_file = "${file('server-key')}"
            ca_file = "${file('client-ca')}"
            verify_incoming = true
          }
        }`,
    });
    for (const [Name, services] of Object.entries(policies)) {
      const rules = services.map((service) => `service "${service}" { policy = "write" }`);
      await agent.put('/v1/acl/policy', {
        Name,
        Rules: [...rules, 'node_prefix "" { policy = "read" }'].join('\n'),
      });
    }
    await useToken('services');
  }, 30_000);

  afterAll(async () => {
    await agent.kill();
    rmSync(folder, { recursive: true });
  });

  /** Exchanges the token in the file for a new one of this policy; resolves with how to take it back. */
  async function useToken(policy: keyof typeof policies): Promise<() => Promise<void>> {
    const token = await agent.put('/v1/acl/token', { Policies: [{ Name: policy }] });
    const { SecretID, AccessorID } = token as { SecretID: string; AccessorID: string };
    writeFileSync(tokenFile, SecretID);
    return () => agent.remove(`/v1/acl/token/${AccessorID}`);
  }

  async function open(options: Partial<ConsulRegistryOptions> = {}) {
    const proxy = await TcpProxy.before(`https://127.0.0.1:${agent.httpsPort}`);
    const agents = [{ host: '127.0.0.1', port: proxy.port }];
    const registry = new ConsulRegistry({ agents, tls, tokenFile, clock, ...options });
    const forget = async () => {
      const services = (await agent.get('/v1/agent/services')) as Record<string, unknown>;
      for (const id of Object.keys(services)) {
        await agent.put(`/v1/agent/service/deregister/${id}`);
      }
    };
    const close = async () => {
      await registry.close();
      await proxy.cut();
      await forget();
    };
    return {
      registry,
      proxy,
      forget,
      publish: (service: string, instances: readonly Instance[]) =>
        publish(agent, service, instances),
      breakDown: () => proxy.cut(),
      repair: () => proxy.mend(),
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
      letBeatsPass: () => delay(4500, clock, new AbortController().signal),
    };
  });

  it('is no empty set where the token may not read, until one that may is in the file', async () => {
    await using consul = await open();
    const { registry } = consul;
    await consul.publish('secret', [instanceOf('secret')]);
    await consul.publish('metadata', [instanceOf('metadata')]);
    const secret = registry.watch('secret');
    await expect(secret.synced({ failFast: true })).rejects.toThrow(
      "it needs service:read on 'secret' and node:read on its nodes",
    );
    expect(await registry.discover('metadata')).toHaveLength(1);
    await useToken('secretToo');
    expect((await secret.synced()).instances).toHaveLength(1);
    await useToken('services');
  });

  it('keeps its set while its token is revoked, and goes on with the next one', async () => {
    const revoke = await useToken('services');
    await using consul = await open({ maxWaitMs: 1000 });
    await consul.publish('metadata', [instanceOf('metadata')]);
    const watch = consul.registry.watch('metadata');
    await watch.synced();
    await revoke();
    await until(() => watch.failures.has('http_403'));
    expect(watch.view).toMatchObject({
      instances: [{ host: '10.0.0.1' }],
      failure: { message: expect.stringContaining('Consul answered 403 ACL not found') as string },
    });
    await useToken('services');
    await healed(watch);
  });

  it('has Consul tell of a registration by the token that was exchanged', async () => {
    const revoke = await useToken('services');
    await using consul = await open();
    const { registry } = consul;
    const registration = await registry.register(instanceOf('metadata'));
    const states: string[] = [];
    registry.watch('metadata').subscribe((view) => {
      if (view.state === 'known') states.push(view.instances.map(({ state }) => state).join());
    });
    await until(() => states.length === 1);
    await useToken('services');
    await delay(4500, clock, new AbortController().signal);
    await revoke();
    // A watch need not tell what lasted for less than its next query.
    registration.report('not_ready');
    await until(() => states.at(-1) === 'not_ready');
    expect(await agent.passing('metadata')).toEqual([]);
    registration.report('ready');
    await until(() => states.at(-1) === 'ready');
    expect(states).toEqual(['ready', 'not_ready', 'ready']);
    await registration.deregister();
    expect(await agent.get('/v1/health/service/metadata')).toEqual([]);
  });

  it('goes on after both sides exchanged their certificates', async () => {
    await using consul = await open();
    const { registry, proxy } = consul;
    const watch = registry.watch('metadata');
    const registration = await registry.register(instanceOf('metadata'));
    await watch.synced();
    const [server, client] = [selfSigned(), selfSigned()];
    writeFileSync(file('server'), server.cert);
    writeFileSync(file('server-key'), server.key);
    writeFileSync(file('client-ca'), client.cert);
    await agent.put('/v1/agent/reload');
    await proxy.cut();
    await proxy.mend();
    await until(() => failureOf(watch.view)?.message.includes('certificate') === true);
    writeFileSync(tls.caFile, server.cert);
    writeFileSync(tls.certFile, client.cert);
    writeFileSync(tls.keyFile, client.key);
    await healed(watch);
    await until(() => registration.failure === undefined);
    await registration.deregister();
  });

  it('says without a token why it sees nothing', async () => {
    await using consul = await open({ tokenFile: undefined });
    await consul.publish('metadata', [instanceOf('metadata')]);
    await expect(consul.registry.discover('metadata')).rejects.toMatchObject({
      code: 'no_instances',
      message: expect.stringContaining('and no token file is given') as string,
    });
  });

  it('follows what has the tags and passes the filter', async () => {
    await using consul = await open({
      tags: ['blue', 'b c'],
      filter: 'Service.Meta.version == "2"',
    });
    const register = (id: string, tags: string[], version: string) =>
      consul.registry.register(
        createInstance({ ...instanceOf('metadata'), id, tags, labels: { version } }),
      );
    await register('a', ['b c', 'blue'], '2');
    await register('b', ['blue'], '2');
    await register('c', ['b c', 'blue'], '1');
    await until(async () => (await agent.passing('metadata')).length === 3);
    const instances = await consul.registry.discover('metadata');
    expect(instances.map(({ id, tags }) => [id.replace(/^.*\//, ''), tags])).toEqual([
      ['a', ['b c', 'blue']],
    ]);
  });

  it('says that a filter cannot be read', async () => {
    await using consul = await open({ filter: 'what?' });
    const waiting = consul.registry.watch('metadata').synced({ failFast: true });
    await expect(waiting).rejects.toThrow(
      /Consul answered 500 Failed to create boolean expression/,
    );
  });

  const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`label-${i}`, '']));

  it.each([
    ['more than 64 labels', { labels: many }, '400 Invalid Service Meta: .* more than 64'],
    ['a long label', { labels: { a: 'x'.repeat(513) } }, '400 Invalid Service Meta: '],
    [
      'a service it may not write',
      { service: 'secret' },
      "403 Permission denied: .*'service:write'",
    ],
  ])('refuses %s, and says why', async (_, fields, reason) => {
    await using consul = await open();
    const instance = createInstance({ ...instanceOf('metadata'), ...fields });
    await expect(consul.registry.register(instance)).rejects.toMatchObject({
      code: 'registration_refused',
      message: expect.stringMatching(
        `^registering 'metadata-1' .*: Consul answered ${reason}`,
      ) as string,
    });
  });

  it('takes any id, and the largest weight', async () => {
    await using consul = await open();
    const instance = { ...instanceOf('metadata'), id: 'a/../b ?#%', weight: 1_000_000 };
    const registration = await consul.registry.register(instance);
    registration.report('not_ready');
    await until(async () => (await agent.passing('metadata')).length === 0);
    registration.report('ready');
    await until(async () => (await agent.passing('metadata')).length === 1);
    expect(await consul.registry.discover('metadata')).toMatchObject([{ weight: 65_535 }]);
    await registration.deregister();
    expect(await agent.get('/v1/health/service/metadata')).toEqual([]);
  });
});

function instanceOf(service: string): Instance {
  return createInstance({ id: `${service}-1`, service, host: '10.0.0.1', port: 8081 });
}

async function healed(watch: ServiceWatch): Promise<void> {
  await until(() => watch.view.state === 'known' && watch.view.failure === undefined);
}
