import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatAddress, type Address } from './address';
import { ConsulRegistry } from './consul/consul-registry';
import { DiscoveryError } from './discovery-error';
import { DnsRegistry } from './dns/dns-registry';
import { KubernetesRegistry } from './kubernetes/kubernetes-registry';
import { MemoryRegistry } from './memory/memory-registry';
import { registryFromUrl } from './registry-from-url';
import { FakeConsul } from './testing/fake-consul';
import { StaticRegistry } from './static/static-registry';

const folder = mkdtempSync(join(tmpdir(), 'registry-from-url-'));
const tokenFile = join(folder, 'token');
const notPem = join(folder, 'not.pem');

beforeAll(() => {
  writeFileSync(tokenFile, 'a-token\n');
  writeFileSync(notPem, 'no certificate');
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** What is thrown for a URL: its code, and its message without the beginning that all share. */
function refusal(text: string): [code: string, shown: string, reason: string] {
  try {
    registryFromUrl(text);
  } catch (error: unknown) {
    if (!(error instanceof DiscoveryError)) throw error;
    const { shown = '', reason = '' } =
      /^the registry URL '(?<shown>.*?)' cannot be used: (?<reason>.*)$/.exec(error.message)
        ?.groups ?? {};
    return [error.code, shown, reason];
  }
  throw new Error(`'${text}' was taken`);
}

describe('registryFromUrl', () => {
  it('opens a memory registry, which registers too', async () => {
    const { registry, registrar, agent } = registryFromUrl('memory:');
    expect(registry).toBeInstanceOf(MemoryRegistry);
    expect([registrar, agent]).toEqual([registry, undefined]);
    await registry.close();
  });

  it('opens a static registry, at which nothing can register', async () => {
    const { registry, registrar, agent } = registryFromUrl(
      'static:metadata=localhost:8081,[::1]:8091;rating=127.0.0.1:8082',
    );
    expect(registry).toBeInstanceOf(StaticRegistry);
    const ids = async (service: string) =>
      (await registry.discover(service)).map((instance) => instance.id);
    expect(await ids('metadata')).toEqual(['[::1]:8091', 'localhost:8081']);
    expect(await ids('rating')).toEqual(['127.0.0.1:8082']);
    expect([registrar, agent]).toEqual([undefined, undefined]);
    await registry.close();
  });

  it('takes names of static services that every object has, and each once', async () => {
    const { registry } = registryFromUrl('static:constructor=10.0.0.1:80;__proto__=10.0.0.2:80');
    expect(await registry.discover('constructor')).toMatchObject([{ host: '10.0.0.1' }]);
    expect(await registry.discover('__proto__')).toMatchObject([{ host: '10.0.0.2' }]);
    await expect(registry.discover('toString')).rejects.toMatchObject({ code: 'no_instances' });
    await registry.close();
  });

  it('fills the namespace of a DNS name from the target, or with the default', async () => {
    const { registry } = registryFromUrl('dns://{namespace}.svc.cluster.local?port=grpc');
    const refused = registry.watch('rating').synced({ timeoutMs: Infinity });
    await expect(refused).rejects.toMatchObject({ code: 'invalid_target' });
    expect(registry.watch('rating.shop').view).toEqual({ state: 'unknown' });
    await registry.close();
  });

  const consul = { host: 'consul', port: 8500 };

  it.each<[string, Address]>([
    ['consul://127.0.0.1:8500', { host: '127.0.0.1', port: 8500 }],
    ['consul://127.0.0.1:9500/', { host: '127.0.0.1', port: 9500 }],
    ['consul://consul', { host: 'consul', port: 8500 }],
    ['consul://[::1]', { host: '::1', port: 8500 }],
    ['consul://[::1]:9500', { host: '::1', port: 9500 }],
    ['consul://consul?dc=west', { host: 'consul', port: 8500 }],
    ['consul://consul:1?agent=other:2&agent=[::1]:3', { host: 'consul', port: 1 }],
    [`consul://consul?token-file=${tokenFile}`, { host: 'consul', port: 8500 }],
    ['consul://consul?tag=blue&tag=b%20c&filter=Service.Meta.version%3D%3D1', consul],
    ['consul://consul?wait=55s', consul],
    [`consul://consul?max-stale=10m&snapshot-cache=${folder}`, consul],
    ['consul+https://consul:8501', { host: 'consul', port: 8501 }],
    ['consul+https://consul?server-name=server.dc1.consul', consul],
  ])('opens %s, which registers too, and tells its agent', async (text, expected) => {
    const { registry, registrar, agent } = registryFromUrl(text);
    expect(registry).toBeInstanceOf(ConsulRegistry);
    expect([registrar, agent]).toEqual([registry, expected]);
    await registry.close();
  });

  it('asks Consul for the tags and the filter of its URL, as long as the URL says', async () => {
    const fake = await FakeConsul.start();
    const { registry } = registryFromUrl(
      `consul://${formatAddress(fake.address)}?tag=a&tag=b%20c&filter=x%20%3D%3D%201&wait=10s`,
    );
    const blocking = fake.next(({ query }) => query.has('wait'));
    await registry.watch('metadata').synced();
    const { query } = await blocking;
    expect([query.getAll('tag'), query.get('filter')]).toEqual([['a', 'b c'], 'x == 1']);
    const waitMs = Number.parseInt(query.get('wait') ?? '', 10);
    expect([waitMs <= 10_000, waitMs >= 9000]).toEqual([true, true]);
    await registry.close();
    await fake.stop();
  });

  it.each([
    ['kubernetes:', KubernetesRegistry],
    ['kubernetes://movies', KubernetesRegistry],
    ['kubernetes:?port=', KubernetesRegistry],
    ['kubernetes://movies?port=grpc&api=endpoints&context=kind', KubernetesRegistry],
    ['kubernetes://?context=admin@home', KubernetesRegistry],
    [`kubernetes:?max-stale=1h&snapshot-cache=${folder}`, KubernetesRegistry],
    ['dns://{service}-headless.movies.svc.cluster.local', DnsRegistry],
    ['dns://movies.svc.cluster.local?kind=srv&port=grpc', DnsRegistry],
    ['dns://{service}.local?kind=a&port=8080&server=10.96.0.10:53&server=[::1]:5353', DnsRegistry],
    ['dns://{service}-headless.{namespace}.svc.cluster.local?namespace=movies', DnsRegistry],
    ['dns://movies.local?family=4', DnsRegistry],
    ['dns://movies.local?family=both&max-stale=60s', DnsRegistry],
    [`dns://movies.local?snapshot-cache=${folder}`, DnsRegistry],
  ])('opens %s, at which nothing registers: the platform does', async (text, adapter) => {
    const { registry, registrar, agent } = registryFromUrl(text);
    expect(registry).toBeInstanceOf(adapter);
    expect([registrar, agent]).toEqual([undefined, undefined]);
    await registry.close();
  });

  const namespaces = 'expected kubernetes: or kubernetes://namespace';
  const domains = 'expected dns://{service}.domain, or dns://domain for the same';
  const schemes = 'memory:, static:, consul:, consul+https:, kubernetes:, dns:';
  const pairs = 'is not service=host:port,host:port';

  it.each([
    ['', `it begins with none of ${schemes}`],
    ['localhost', `it begins with none of ${schemes}`],
    ['http://localhost:8500', `it begins with none of ${schemes}`],
    ['memory:x', "'memory:' takes nothing after it"],
    ['memory://', "'memory:' takes nothing after it"],
    ['static:', `'' ${pairs}`],
    ['static:metadata', `'metadata' ${pairs}`],
    ['static:=localhost:8081', `'=localhost:8081' ${pairs}`],
    ['static:metadata=localhost:8081;', `'' ${pairs}`],
    ['static:metadata=a:1=b:2', `'metadata=a:1=b:2' ${pairs}`],
    ['static:metadata=a:1;metadata=b:1', "'metadata' is named twice"],
    ['static:constructor=a:1;constructor=b:1', "'constructor' is named twice"],
    [
      'static:rating.shop=a:1',
      "'rating.shop' cannot be watched: a static registry has no namespaces to choose from: leave out 'shop'",
    ],
    [
      'static:rating:grpc=a:1',
      "'rating:grpc' cannot be watched: a static registry has no ports to choose from: leave out 'grpc'",
    ],
    [
      'static:a b=a:1',
      "'a b' cannot be watched: expected service, service.namespace or service.namespace:port, each of at most 63 letters, digits, - and _",
    ],
    ['static:metadata=', "'' is not an address: expected host:port or [ipv6]:port"],
    ['static:metadata=::1:1', "'::1:1' is not an address: expected host:port or [ipv6]:port"],
    ['static:metadata=a:0', '0 is not a port: expected 1 to 65535'],
    ['consul:', 'expected consul://host:port'],
    ['consul:127.0.0.1:8500', 'expected consul://host:port'],
    ['consul://', 'expected consul://host:port'],
    ['consul://:8500', 'expected consul://host:port'],
    ['consul://consul:99999', 'expected consul://host:port'],
    ['consul+https://consul:x', 'expected consul+https://host:port'],
    ['consul://consul:0', '0 is not a port: expected 1 to 65535'],
    ['consul://consul/v1', "'/v1' is no part of it; expected consul://host:port"],
    ['consul://consul#x', "'#x' is no part of it; expected consul://host:port"],
    ['consul://consul?agent=other', "'other' is not an address: expected host:port or [ipv6]:port"],
    [
      'consul://consul?datacenter=west',
      "the parameter 'datacenter' is not known here; known are agent, token-file, dc, tag, filter, wait, max-stale, snapshot-cache",
    ],
    [
      'consul://consul?ca-file=ca.pem',
      "the parameter 'ca-file' is not known here; consul+https: takes it",
    ],
    [
      'consul://consul?server-name=server.dc1.consul',
      "the parameter 'server-name' is not known here; consul+https: takes it",
    ],
    ['consul://consul?filter=a&filter=b', "the parameter 'filter' is given twice"],
    ['consul://consul?tag=', "'tags' is [ '' ]: expected a list of texts that are not blank"],
    ['consul://consul?wait=55', "'wait' is a time, as 500ms, 55s, 10m or 1h, and not '55'"],
    ['consul://consul?wait=', "'wait' is a time, as 500ms, 55s, 10m or 1h, and not ''"],
    ['consul://consul?wait=1e2s', "'wait' is a time, as 500ms, 55s, 10m or 1h, and not '1e2s'"],
    ['consul://consul?wait=0s', "'maxWaitMs' is 0: expected 1000 to 600000 milliseconds"],
    ['consul://consul?wait=11m', "'maxWaitMs' is 660000: expected 1000 to 600000 milliseconds"],
    [
      'consul://consul?token-file=/none/token',
      "cannot read the file of 'token-file', /none/token (ENOENT)",
    ],
    [
      'consul+https://consul?ca-file=/none/ca.pem',
      "cannot read the file of 'ca-file', /none/ca.pem (ENOENT)",
    ],
    [
      'consul+https://consul?cert-file=/none/cert.pem',
      "cannot read the file of 'cert-file', /none/cert.pem (ENOENT)",
    ],
    [
      'consul+https://consul?key-file=/none/key.pem',
      "cannot read the file of 'key-file', /none/key.pem (ENOENT)",
    ],
    ['kubernetes:movies', `'movies' is no part of it; ${namespaces}`],
    ['kubernetes://movies/x', `'/x' is no part of it; ${namespaces}`],
    ['kubernetes://Movies', namespaces],
    ['kubernetes://movies.svc', namespaces],
    ['kubernetes://movies:80', namespaces],
    ['kubernetes://movies?api=pods', "'api' is endpointslices or endpoints, and not 'pods'"],
    [
      'kubernetes://movies?namespace=x',
      "the parameter 'namespace' is not known here; known are port, api, context, max-stale, snapshot-cache",
    ],
    ['kubernetes://movies?port=a&port=b', "the parameter 'port' is given twice"],
    ['dns:', domains],
    ['dns:movies.local', domains],
    ['dns://movies.local:53', "':53' is no part of it; a DNS server goes into server=host:port"],
    ['dns://movies.local?kind=aaaa', "'kind' is srv or a, and not 'aaaa'"],
    ['dns://movies.local?family=5', "'family' is 4, 6 or both, and not '5'"],
    [
      'dns://movies.local?namespace=movies',
      "the namespace 'movies' has no place in the name '{service}.movies.local': put in '{namespace}'",
    ],
    [
      'dns://movies.local?max-stale=5',
      "'max-stale' is a time, as 500ms, 55s, 10m or 1h, and not '5'",
    ],
    [
      'dns://movies.local?snapshot-cache=',
      "'snapshot-cache' is the path of a folder, and is empty",
    ],
    ['dns://movies.local?kind=a', "kind 'a' takes the number of a port, 1 to 65535, and not ''"],
    [
      'dns://movies.local?kind=a&port=http',
      "kind 'a' takes the number of a port, 1 to 65535, and not 'http'",
    ],
    [
      'dns://movies.local?server=dns.local:53',
      "the DNS server 'dns.local:53' has to be given by its IP address",
    ],
    [
      'dns://movies.local?server=10.96.0.10',
      "'10.96.0.10' is not an address: expected host:port or [ipv6]:port",
    ],
  ])("refuses '%s', naming it and the remedy: %s", (text, reason) => {
    expect(refusal(text)).toEqual(['invalid_registry_url', text, reason]);
  });

  it('refuses a key file that holds no key, before anything is asked', () => {
    const [code, , reason] = refusal(`consul+https://consul?key-file=${notPem}`);
    expect(code).toBe('invalid_registry_url');
    expect(reason).toBe(`the file of 'key-file', ${notPem}, holds no PEM block`);
  });

  it.each([
    ['consul://admin:secret@consul:8500', 'give the token as token-file=<path>'],
    ['consul://secret@consul:8500', 'give the token as token-file=<path>'],
    ['consul://admin:secret@consul:99999', 'expected consul://host:port'],
    [
      'consul://consul?token=secret',
      'known are agent, token-file, dc, tag, filter, wait, max-stale, snapshot-cache',
    ],
  ])('does not repeat a secret: %s', (text, remedy) => {
    const refused = refusal(text);
    expect(refused.join()).not.toContain('secret');
    expect(refused[2]).toContain(remedy);
  });
});
