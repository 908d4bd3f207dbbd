import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ConsulRegistry } from './consul/consul-registry';
import { DnsRegistry } from './dns/dns-registry';
import { KubernetesRegistry } from './kubernetes/kubernetes-registry';
import type { KubeAccess } from './kubernetes/access/kube-access';
import type { Registry } from './registry';
import { FakeApiServer } from './testing/fake-api-server';
import { FakeConsul } from './testing/fake-consul';
import { FakeDns } from './testing/fake-dns';
import { sliceOf } from './testing/slices';
import type { View } from './view';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'snapshots-'));
});

afterEach(() => rm(folder, { recursive: true }));

/** What a registry that starts in an outage serves of the set that another one kept in the same folder. */
async function restart(
  before: Registry,
  stop: () => Promise<void>,
  openAfter: () => Registry,
): Promise<View> {
  await before.watch('rating').synced();
  await before.close();
  await stop();
  await using after = openAfter();
  const watch = after.watch('rating');
  await watch.synced({ failFast: true }).catch(() => undefined);
  return watch.view;
}

const served = { state: 'known', isFromCache: true, instances: [{ host: '10.0.0.1' }] };
const absent = { state: 'unknown' };

describe('the snapshot cache of Consul', () => {
  const tokenFile = path.join(tmpdir(), `token-${process.pid}`);

  beforeAll(() => writeFile(tokenFile, 'a-token'));
  afterAll(() => rm(tokenFile));

  const nowhere = { host: '127.0.0.1', port: 1 };

  it.each([
    ['the same', {}, served],
    ['another agent', { agents: [nowhere] }, absent],
    ['another datacenter', { datacenter: 'dc2' }, absent],
    ['other tags', { tags: ['blue'] }, absent],
    ['another filter', { filter: 'Service.Port == 1' }, absent],
    ['another token', { tokenFile }, absent],
  ])('of %s', async (_, options, expected) => {
    const fake = await FakeConsul.start();
    fake.publish('rating', [{ ID: 'a', Address: '10.0.0.1', Port: 80 }]);
    const agents = [fake.address];
    const before = new ConsulRegistry({ agents, snapshotCache: folder });
    const view = await restart(
      before,
      () => fake.stop(),
      () => new ConsulRegistry({ agents, snapshotCache: folder, ...options }),
    );
    expect(view).toMatchObject(expected);
  });
});

describe('the snapshot cache of DNS', () => {
  it.each([
    ['the same', {}, served],
    ['another server', { servers: [{ host: '127.0.0.1', port: 1 }] }, absent],
    ['another domain', { name: '{service}.other' }, absent],
    ['another port', { port: 81 }, absent],
    ['another kind', { kind: 'srv', port: 'http' } as const, absent],
    ['another family', { family: 'both' } as const, absent],
  ])('of %s', async (_, options, expected) => {
    const dns = await FakeDns.start();
    dns.records = [{ type: 'A', name: 'rating.local', data: '10.0.0.1' }];
    const plain = { name: '{service}.local', kind: 'a', port: 80, family: 4 } as const;
    const always = { servers: [dns.address], snapshotCache: folder };
    const view = await restart(
      new DnsRegistry({ ...plain, ...always }),
      () => dns.stop(),
      () => new DnsRegistry({ ...plain, ...always, ...options }),
    );
    expect(view).toMatchObject(expected);
  });
});

describe('the snapshot cache of Kubernetes', () => {
  const accessTo = (server: string, namespace = 'default'): KubeAccess => ({
    server,
    namespace,
    credentials: () => Promise.resolve({ headers: {}, tls: { rejectUnauthorized: false } }),
  });

  it.each<[string, (server: string) => object, object]>([
    ['the same', () => ({}), served],
    ['another API server', () => ({ access: accessTo('https://127.0.0.1:1') }), absent],
    ['another own namespace', (server) => ({ access: accessTo(server, 'shop') }), absent],
    ['another namespace', () => ({ namespace: 'shop' }), absent],
    ['another port', () => ({ port: 'grpc' }), absent],
    ['another API', () => ({ api: 'endpoints' }), absent],
  ])('of %s', async (_, options, expected) => {
    const fake = await FakeApiServer.start();
    fake.put(sliceOf('rating', ['10.0.0.1']));
    const server = fake.url;
    const plain = { access: accessTo(server), snapshotCache: folder };
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation();
    const view = await restart(
      new KubernetesRegistry(plain),
      () => fake.stop(),
      () => new KubernetesRegistry({ ...plain, ...options(server) }),
    );
    emitWarning.mockRestore();
    expect(view).toMatchObject(expected);
  });
});
