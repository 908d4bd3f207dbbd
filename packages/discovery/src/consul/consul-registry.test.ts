import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { delay } from '@movies/time';
import { formatAddress } from '../address';
import { createInstance } from '../instance';
import { registrarContract } from '../adapter/registrar.contract';
import { registryFromUrl } from '../registry-from-url';
import { registryContract } from '../adapter/registry.contract';
import { scaledClock } from '@movies/time/testing';
import { selfSigned } from '../testing/self-signed';
import { ConsulRegistry } from './consul-registry';
import { FakeConsul } from '../testing/fake-consul';

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

describe('ConsulRegistry over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'consul-tls-'));
  const caFile = join(folder, 'ca.pem');
  const { key, cert } = selfSigned();

  beforeAll(() => {
    writeFileSync(caFile, cert);
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('watches and registers at an agent whose authority is in the ca-file', async () => {
    const fake = await FakeConsul.start({ key, cert });
    const { registry, registrar } = registryFromUrl(
      `consul+https://${formatAddress(fake.address)}?ca-file=${caFile}`,
    );
    const instance = createInstance({ id: 'a', service: 'metadata', host: '10.0.0.1', port: 8081 });
    const registration = await registrar?.register(instance);
    expect(await registry.discover('metadata')).toEqual([instance]);
    await registration?.deregister();
    expect(fake.registered).toEqual([]);
    await registry.close();
    await fake.stop();
  });

  it('trusts no other agent, and says so', async () => {
    const fake = await FakeConsul.start({ key, cert });
    const { registry } = registryFromUrl(`consul+https://${formatAddress(fake.address)}`);
    const waiting = registry.watch('metadata').firstSync({ timeoutMs: 500 });
    await expect(waiting).rejects.toMatchObject({
      code: 'registry_unavailable',
      message: expect.stringMatching(/cannot be reached: self-signed certificate/) as string,
    });
    expect(fake.calls).toEqual([]);
    await registry.close();
    await fake.stop();
  });
});
