import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { FakeApiServer } from '../testing/fake-api-server';
import { sliceOf } from '../testing/slices';
import { until } from '@movies/time/testing';
import type { KubeAccess } from './access/kube-access';
import { KubernetesRegistry } from './kubernetes-registry';

const limitMs = 100;

function registryAt(access: Partial<KubeAccess>): KubernetesRegistry {
  return new KubernetesRegistry({
    findAccess: async () => ({
      server: 'https://127.0.0.1:1',
      namespace: 'default',
      credentials: async () => ({ headers: {}, tls: {} }),
      ...access,
    }),
  });
}

/** Closes it, and waits until nothing is left at the other end, and here no more than before; how long that took. */
async function closeAndCount(
  registry: KubernetesRegistry,
  before: readonly string[],
  left: () => number,
): Promise<number> {
  const began = performance.now();
  await Promise.all([registry.close(), registry.close()]);
  await until(() => left() === 0 && resources().length <= before.length);
  return performance.now() - began;
}

/** Timers and sockets of this process that keep it alive. */
function resources(): string[] {
  return process.getActiveResourcesInfo().filter((name) => /Timeout|TCP|TLS/.test(name));
}

describe('towards an address that never answers', () => {
  let hole: Server;
  const sockets = new Set<Socket>();

  beforeEach(async () => {
    hole = createServer((socket) => {
      sockets.add(socket);
      socket
        .resume()
        .on('error', () => undefined)
        .once('close', () => sockets.delete(socket));
    }).listen(0, '127.0.0.1');
    await once(hole, 'listening');
  });

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    hole.close();
    await once(hole, 'close');
  });

  it('leaves nothing 100 ms after close', async () => {
    const before = resources();
    const { port } = hole.address() as AddressInfo;
    const registry = registryAt({ server: `https://127.0.0.1:${port}` });
    const watches = [registry.watch('metadata'), registry.watch('rating')];
    await until(() => sockets.size > 0);
    expect(await closeAndCount(registry, before, () => sockets.size)).toBeLessThan(limitMs);
    expect(watches.map(({ view }) => view.state)).toEqual(['closed', 'closed']);
  });
});

describe.each(['h2', 'http/1.1'] as const)('over %s', (protocol) => {
  let fake: FakeApiServer;

  beforeEach(async () => {
    fake = await FakeApiServer.start(protocol);
    fake.put(sliceOf('metadata', ['10.0.0.1']));
  });

  afterEach(() => fake.stop());

  function open(): KubernetesRegistry {
    const tls = { ca: fake.ca };
    return registryAt({ server: fake.url, credentials: async () => ({ headers: {}, tls }) });
  }

  it.each([
    ['during the list', 'list', { drop: 'hang' }],
    ['in the middle of the list', 'list', { script: '{"items":[', open: true }],
    ['before the watch has begun', 'watch', { drop: 'hang' }],
    ['during a watch', 'watch', undefined],
    ['during a wait', 'list', { status: 503, headers: { 'retry-after': '60' } }],
  ] as const)('leaves nothing 100 ms after close %s', async (_, kind, reaction) => {
    const before = resources();
    fake.react = (call) => (call.kind === kind ? reaction : undefined);
    const registry = open();
    const met = fake.next((call) => call.kind === kind);
    const watch = registry.watch('metadata');
    await met;
    if (reaction === undefined) await watch.synced();
    expect(await closeAndCount(registry, before, () => fake.openConnections)).toBeLessThan(limitMs);
    expect(fake.openWatches).toEqual([]);
  });
});

it('leaves nothing 100 ms after close while credentials do not come', async () => {
  const before = resources();
  let asked = false;
  const registry = registryAt({
    credentials: () => {
      asked = true;
      return new Promise<never>(() => undefined);
    },
  });
  registry.watch('metadata');
  await until(() => asked);
  expect(await closeAndCount(registry, before, () => 0)).toBeLessThan(limitMs);
});
