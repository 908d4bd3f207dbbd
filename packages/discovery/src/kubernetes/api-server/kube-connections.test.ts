import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { LimitedSignal, systemClock } from '@movies/time';
import { ManualClock, until } from '@movies/time/testing';
import { FakeApiServer, type ApiReaction } from '../../testing/fake-api-server';
import { sliceOf } from '../../testing/slices';
import { TunnelProxy } from '../../testing/tunnel-proxy';
import { KubeApi } from './kube-api';

let fake: FakeApiServer;
let api: KubeApi;
let clock: ManualClock;
let proxy: TunnelProxy | undefined;

const schemes = ['http', 'https', 'socks5'] as const;
const ways = [undefined, ...schemes];
type Way = (typeof ways)[number];

async function start(protocol: 'h2' | 'http/1.1' = 'h2', way?: Way): Promise<void> {
  fake = await FakeApiServer.start(protocol);
  proxy = way === undefined ? undefined : await TunnelProxy.start(way);
  fake.put(sliceOf('metadata', ['10.0.0.1']));
  api = new KubeApi({
    clock: systemClock,
    findAccess: async () => ({
      server: fake.url,
      namespace: 'default',
      proxy: proxy?.url,
      credentials: async () => ({ headers: {}, tls: { ca: [fake.ca, proxy?.ca ?? fake.ca] } }),
    }),
  });
}

beforeEach(() => {
  clock = new ManualClock();
});

afterEach(async () => {
  await api.close();
  await proxy?.stop();
  await fake.stop();
});

const pathOf =
  (query: string) =>
  ({ namespace }: { readonly namespace: string }) =>
    `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?${query}`;

function limit(timeoutMs: number): LimitedSignal {
  return new LimitedSignal(new AbortController().signal, timeoutMs, clock);
}

/** A list with a deadline of its own. */
async function list(timeoutMs = 60_000): Promise<string> {
  using limited = limit(timeoutMs);
  return await text(await api.get(pathOf(''), limited));
}

/** A watch that stays open, what it has brought so far, and how it ends. */
async function watch(limited = limit(1_000_000)) {
  const chunks = await api.get(pathOf('watch=true&resourceVersion=101'), limited);
  let seen = '';
  const ended = (async () => {
    try {
      for await (const chunk of chunks) seen += chunk.toString('utf8');
      return undefined;
    } catch (error: unknown) {
      return error;
    } finally {
      limited[Symbol.dispose]();
    }
  })();
  return { ended, shows: (address: string) => until(() => seen.includes(address)) };
}

/** Lets lists meet a reaction. */
function reactToLists(reaction: ApiReaction | undefined): void {
  fake.react = ({ kind }) => (kind === 'list' ? reaction : undefined);
}

/** A list that passes its deadline of 30 s; the watches may be told something meanwhile. */
async function listInVain(meanwhile: () => Promise<unknown> = () => Promise.resolve()) {
  const { length } = fake.calls;
  reactToLists({ drop: 'hang' });
  const outcome = expect(list(30_000)).rejects.toMatchObject({ kind: 'silent' });
  await until(() => fake.calls.length > length);
  await meanwhile();
  await clock.advance(30_000);
  await outcome;
  reactToLists(undefined);
}

describe.each(
  ways.flatMap((way) => (['h2', 'http/1.1'] as const).map((protocol) => [protocol, way] as const)),
)('a request that passes its deadline, over %s, with the proxy %s,', (protocol, way) => {
  beforeEach(() => start(protocol, way));

  it('ends alone: the watches beside it go on, whether they had events meanwhile or not', async () => {
    const watches = [await watch(), await watch()];
    for (let i = 2; i < 5; i += 1) {
      await listInVain();
      fake.put(sliceOf('metadata', [`10.0.0.${i}`]));
      for (const { shows } of watches) await shows(`10.0.0.${i}`);
    }
    expect(fake.openWatches).toHaveLength(2);
  });

  it('ends alone in the middle of its body too', async () => {
    const first = await watch();
    const second = await watch(limit(90_000));
    await clock.advance(90_000);
    expect(await second.ended).toMatchObject({ kind: 'silent', reason: 'silent' });
    fake.put(sliceOf('metadata', ['10.0.0.2']));
    await first.shows('10.0.0.2');
  });
});

describe.each(ways)('an HTTP/2 connection, with the proxy %s,', (way) => {
  beforeEach(() => start('h2', way));

  it('is kept for new requests if it brought something to anybody since', async () => {
    const { shows } = await watch();
    await listInVain(() => {
      fake.put(sliceOf('metadata', ['10.0.0.2']));
      return shows('10.0.0.2');
    });
    expect(await list()).toContain('10.0.0.2');
    expect(fake.connections).toBe(1);
  });

  it('is left by new requests if it brought nothing to anybody since, and closed after the last', async () => {
    const open = await watch();
    await listInVain();
    expect(await list()).toContain('10.0.0.1');
    expect([fake.connections, fake.openConnections]).toEqual([2, 2]);
    fake.openWatches[0]?.end();
    expect(await open.ended).toBeUndefined();
    await until(() => fake.openConnections === 1);
  });

  it('is left again where the new one is silent too, beyond the settings with which it began', async () => {
    await list();
    for (let i = 0; i < 3; i += 1) await listInVain();
    expect(await list()).toContain('10.0.0.1');
    expect(fake.connections).toBe(3);
    await until(() => fake.openConnections === 1);
  });
});

describe.each(ways)('after GOAWAY, with the proxy %s,', (way) => {
  beforeEach(() => start('h2', way));

  it('the next request goes over a new connection at once, and an open watch goes on', async () => {
    const { ended, shows } = await watch();
    fake.goaway();
    for (let i = 2; i < 5; i += 1) {
      expect(await list()).toContain('10.0.0');
      fake.put(sliceOf('metadata', [`10.0.0.${i}`]));
      await shows(`10.0.0.${i}`);
    }
    expect(fake.connections).toBe(2);
    fake.openWatches[0]?.end();
    expect(await ended).toBeUndefined();
    await until(() => fake.openConnections === 1);
  });

  it('a request that the server did not take is sent again over a new connection, behind no open watch', async () => {
    const { shows } = await watch();
    reactToLists({ drop: 'hang' });
    const listed = list();
    await until(() => fake.calls.length === 2);
    reactToLists(undefined);
    // The watch is stream 1, and the list came later.
    fake.goaway(1);
    expect(await listed).toContain('10.0.0.1');
    fake.put(sliceOf('metadata', ['10.0.0.2']));
    await shows('10.0.0.2');
  });

  it.each([
    [3, 'is sent again until it is answered'],
    [4, 'fails, so that there is no loop without a wait'],
  ])('a request whose connection is sent away %d times %s', async (times) => {
    reactToLists({ drop: 'hang' });
    const outcome = list().then(
      (listed) => listed.includes('10.0.0.'),
      (error: unknown) => error,
    );
    for (let i = 1; i <= times; i += 1) {
      await until(() => fake.calls.filter(({ kind }) => kind === 'list').length === i);
      // A stream under way keeps the connection.
      const beside = await watch();
      if (i === times) reactToLists(undefined);
      fake.goaway();
      fake.put(sliceOf('metadata', [`10.0.0.${i}`]));
      await beside.shows(`10.0.0.${i}`);
    }
    if (times === 3) expect(await outcome).toBe(true);
    else expect(await outcome).toMatchObject({ kind: 'lost' });
  });

  it('each new connection may be sent away as well, while the watches on the old ones go on', async () => {
    const watches = [await watch()];
    for (let i = 2; i < 6; i += 1) {
      fake.goaway();
      watches.push(await watch());
      fake.put(sliceOf('metadata', [`10.0.0.${i}`]));
      for (const { shows } of watches) await shows(`10.0.0.${i}`);
    }
    expect(fake.openWatches).toHaveLength(5);
    await api.close();
    for (const { ended } of watches) expect(await ended).toMatchObject({ kind: 'lost' });
    await until(() => fake.openConnections === 0);
  });
});

it('a proxy with TLS is not checked where the API server is not', async () => {
  await start('h2', 'https');
  api = new KubeApi({
    clock: systemClock,
    findAccess: async () => ({
      server: fake.url,
      namespace: 'default',
      proxy: proxy?.url,
      credentials: async () => ({ headers: {}, tls: { rejectUnauthorized: false } }),
    }),
  });
  expect(await list()).toContain('10.0.0.1');
});

it.each(['http', 'socks5'] as const)(
  'a server without TLS is reached through a proxy %s, which forwards a request where it can',
  async (scheme) => {
    await start('http/1.1', scheme);
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url, request.headers.host, request.headers['proxy-authorization']);
      response.end('{}');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    // The server is its own proxy for what is forwarded.
    const url = scheme === 'http' ? `http://ann:b@127.0.0.1:${port}` : proxy?.url;
    api = new KubeApi({
      clock: systemClock,
      findAccess: async () => ({
        server: `http://api.test:${port}`,
        namespace: 'default',
        proxy: url,
        credentials: async () => ({ headers: {}, tls: {} }),
      }),
    });
    expect(await list()).toBe('{}');
    const path = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
    expect(asked).toEqual(
      scheme === 'http'
        ? [`http://api.test:${port}${path}`, `api.test:${port}`, 'Basic YW5uOmI=']
        : [path, `api.test:${port}`, undefined],
    );
    await api.close();
    server.close();
  },
);

describe.each(schemes)('the proxy %s', (scheme) => {
  beforeEach(() => start('h2', scheme));

  it('makes one tunnel for all watches and lists', async () => {
    const watches = [await watch(), await watch()];
    for (let i = 0; i < 10; i += 1) await list();
    expect(proxy?.targets).toEqual([`127.0.0.1:${fake.port}`]);
    await api.close();
    for (const { ended } of watches) expect(await ended).toMatchObject({ kind: 'lost' });
    await until(() => proxy?.openSockets === 0);
  });

  it('is no reason to take a connection that broke for one that was not made', async () => {
    reactToLists({ drop: 'reset' });
    await expect(list()).rejects.toMatchObject({ kind: 'lost' });
  });

  it('loses the watches with its connections', async () => {
    const { ended } = await watch();
    proxy?.cut();
    expect(await ended).toMatchObject({ kind: 'lost' });
    expect(await list()).toContain('10.0.0.1');
  });

  it('is named where it refuses a tunnel', async () => {
    Object.assign(proxy ?? {}, { refusal: scheme === 'socks5' ? 5 : 503 });
    await expect(list()).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringMatching(
        scheme === 'socks5'
          ? `the proxy ${proxy?.url}: it cannot connect: connection refused$`
          : `the proxy ${proxy?.url}: it answered 503 to CONNECT 127.0.0.1:${fake.port}$`,
      ) as string,
    });
  });

  it('is named where it is not there', async () => {
    const { url } = proxy ?? {};
    await proxy?.stop();
    Object.assign(proxy ?? {}, { stop: async () => undefined });
    Object.defineProperty(proxy, 'url', { value: url });
    await expect(list()).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringMatching(`the proxy ${url}: .*ECONNREFUSED`) as string,
    });
  });

  it('has no socket open after the end, although it is silent', async () => {
    Object.assign(proxy ?? {}, { isSilent: true });
    const outcome = expect(list()).rejects.toThrow('the API server');
    await until(() => proxy?.openSockets === 1);
    const began = performance.now();
    await api.close();
    await outcome;
    await until(() => proxy?.openSockets === 0);
    expect(performance.now() - began).toBeLessThan(2000);
  });

  it('is told user and password', async () => {
    const url = proxy?.url.replace('://', '://ann:b%40c@');
    Object.defineProperty(proxy, 'url', { value: url });
    await list();
    const pair = 'ann:b@c';
    expect(proxy?.authorizations).toEqual([
      scheme === 'socks5' ? pair : `Basic ${Buffer.from(pair).toString('base64')}`,
    ]);
  });
});
