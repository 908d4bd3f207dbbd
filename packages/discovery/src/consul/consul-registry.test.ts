import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { delay } from '@movies/time';
import { createInstance } from '../instance';
import { registrarContract } from '../adapter/registrar.contract';
import { registryContract } from '../adapter/registry.contract';
import { scaledClock } from '@movies/time/testing';
import { selfSigned } from '../testing/self-signed';
import type { ServiceWatch } from '../registry';
import type { Snapshot } from '../view';
import { ConsulRegistry, type ConsulRegistryOptions, type ConsulTls } from './consul-registry';
import { FakeConsul, type FakeConsulTls } from '../testing/fake-consul';

const clock = scaledClock(10);

async function open() {
  const fake = await FakeConsul.start();
  const registry = new ConsulRegistry({ agents: [fake.address], clock });
  return {
    fake,
    registry,
    breakDown: async () => {
      fake.react = () => ({ drop: 'reset' });
      fake.disconnect();
    },
    repair: async () => {
      fake.react = () => undefined;
    },
    close: async () => {
      await registry.close();
      await fake.stop();
    },
  };
}

registryContract('ConsulRegistry', async () => {
  const harness = await open();
  return {
    ...harness,
    publish: async (service, instances) => {
      harness.fake.publish(
        service,
        instances.map(({ id, host, port }) => ({ ID: id, Address: host, Port: port })),
      );
    },
  };
});

registrarContract('ConsulRegistry', async () => {
  const harness = await open();
  return {
    ...harness,
    registrar: harness.registry,
    service: 'metadata',
    letBeatsPass: () => delay(4500, clock, new AbortController().signal),
    forget: async () => {
      harness.fake.restartEmpty();
    },
  };
});

describe('ConsulRegistry', () => {
  const agents = [{ host: '127.0.0.1', port: 8500 }];

  it.each<[Partial<ConsulRegistryOptions>, string]>([
    [{ agents: [] }, "'agents' is empty: name at least one Consul agent by host and port"],
    [{ agents: [{ host: 'a/b', port: 1 }] }, "'a/b' is not a host that can be called"],
    [{ maxWaitMs: 999 }, "'maxWaitMs' is 999: expected 1000 to 600000 milliseconds"],
    [{ maxStaleMs: -1 }, "'maxStaleMs' is a time in milliseconds, 0 or more, and not -1"],
    [{ tags: ['a', ''] }, `'tags' is [ 'a', '' ]: expected a list of texts that are not blank`],
    [{ filter: '' }, "'filter' is '': expected a text that is not blank"],
    [{ tokenFile: '/none' }, "cannot read the file of 'token-file', /none (ENOENT)"],
    [{ tls: { caFile: '/none' } }, "cannot read the file of 'ca-file', /none (ENOENT)"],
  ])('refuses %j as invalid_options: %s', (options, message) => {
    const make = () => new ConsulRegistry({ agents, ...options });
    expect(make).toThrow(expect.objectContaining({ code: 'invalid_options', message }) as Error);
  });

  it.each([
    ['rating.shop', "Consul has no namespaces to choose from: leave out 'shop'"],
    ['rating:grpc', "Consul has no ports to choose from: leave out 'grpc'"],
  ])('refuses the target %s', async (target, reason) => {
    await using registry = new ConsulRegistry({ agents });
    await expect(registry.watch(target).synced()).rejects.toMatchObject({
      code: 'invalid_target',
      message: `'${target}' cannot be watched: ${reason}`,
    });
  });
});

describe('ConsulRegistry over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'consul-tls-'));
  const [caFile, certFile, keyFile] = ['ca', 'cert', 'key'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const instance = createInstance({ id: 'a', service: 'metadata', host: '10.0.0.1', port: 8081 });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  async function openTls(server: FakeConsulTls, tls: ConsulTls) {
    const fake = await FakeConsul.start(server);
    const registry = new ConsulRegistry({ agents: [fake.address], tls, clock });
    return {
      fake,
      registry,
      [Symbol.asyncDispose]: async () => {
        await registry.close();
        await fake.stop();
      },
    };
  }

  it('watches and registers at an agent whose authority is in the ca-file', async () => {
    const server = selfSigned();
    writeFileSync(caFile, server.cert);
    await using consul = await openTls(server, { caFile });
    const { fake, registry } = consul;
    const registration = await registry.register(instance);
    expect(await registry.discover('metadata')).toEqual([{ ...instance, id: 'fake/a' }]);
    await registration.deregister();
    expect(fake.registered).toEqual([]);
  });

  it('trusts no other agent, and says so', async () => {
    await using consul = await openTls(selfSigned(), {});
    const waiting = consul.registry.watch('metadata').synced({ failFast: true });
    await expect(waiting).rejects.toMatchObject({
      code: 'registry_unavailable',
      message: expect.stringMatching(/cannot be reached: self-signed certificate/) as string,
    });
    expect(consul.fake.calls).toEqual([]);
  });

  it('checks the certificate for the server name, where one is given', async () => {
    const server = selfSigned({ host: 'server.dc1.consul' });
    writeFileSync(caFile, server.cert);
    {
      await using named = await openTls(server, { caFile, serverName: 'server.dc1.consul' });
      expect((await named.registry.watch('metadata').synced()).instances).toEqual([]);
    }
    await using unnamed = await openTls(server, { caFile });
    const waiting = unnamed.registry.watch('metadata').synced({ failFast: true });
    await expect(waiting).rejects.toThrow(/cannot be reached: .*127\.0\.0\.1/);
  });

  it('goes on with an authority that was exchanged, and with the connections it has until then', async () => {
    const [first, second] = [selfSigned(), selfSigned()];
    writeFileSync(caFile, first.cert);
    await using consul = await openTls(first, { caFile });
    const { fake, registry } = consul;
    const watch = registry.watch('metadata');
    await watch.synced();
    const registration = await registry.register(instance);
    fake.exchangeCertificate(second);
    await heard(watch, ({ failure }) => failure !== undefined);
    writeFileSync(caFile, second.cert);
    await heard(watch, ({ failure }) => failure === undefined);
    registration.report('not_ready');
    await heard(watch, ({ instances }) => instances[0]?.state === 'not_ready');
    expect(registration.failure).toBeUndefined();
  });

  it('shows a client certificate that was exchanged, once both of its files were', async () => {
    const [server, first, second] = [selfSigned(), selfSigned(), selfSigned()];
    writeFileSync(caFile, server.cert);
    writeFileSync(certFile, first.cert);
    writeFileSync(keyFile, first.key);
    await using consul = await openTls(
      { ...server, ca: first.cert },
      { caFile, certFile, keyFile },
    );
    const { fake, registry } = consul;
    const watch = registry.watch('metadata');
    await watch.synced();
    // The half of it that is there is no pair with the old half, which stays in force.
    writeFileSync(certFile, second.cert);
    fake.publish('metadata', [{ ID: 'b', Address: '10.0.0.2', Port: 1 }]);
    await heard(watch, ({ instances }) => instances.length === 1);
    fake.exchangeCertificate({ ...server, ca: second.cert });
    await heard(watch, ({ failure }) => failure !== undefined);
    writeFileSync(keyFile, second.key);
    await heard(watch, ({ failure }) => failure === undefined);
  });

  it('speaks HTTP/1.1, so that a dead connection is not that of the next request', async () => {
    const server = selfSigned();
    writeFileSync(caFile, server.cert);
    const versions: string[] = [];
    const both = createSecureServer({ ...server, allowHTTP1: true }, (request, response) => {
      versions.push(request.httpVersion);
      response.end('[]');
    }).listen(0, '127.0.0.1');
    await once(both, 'listening');
    const { port } = both.address() as AddressInfo;
    await using registry = new ConsulRegistry({
      agents: [{ host: '127.0.0.1', port }],
      tls: { caFile },
    });
    await registry.watch('metadata').synced();
    expect(versions[0]).toBe('1.1');
    await registry.close();
    both.close();
  });
});

/** Resolves with the next set that fits, or the present one. */
function heard(watch: ServiceWatch, fits: (snapshot: Snapshot) => boolean): Promise<Snapshot> {
  return new Promise((resolve) => {
    watch.subscribe((view) => {
      if (view.state === 'known' && fits(view)) resolve(view);
    });
  });
}
