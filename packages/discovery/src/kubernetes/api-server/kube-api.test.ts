import { mkdtemp, rm } from 'node:fs/promises';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { systemClock, LimitedSignal } from '@movies/time';
import { FakeApiServer } from '../../testing/fake-api-server';
import { ManualClock, until } from '@movies/time/testing';
import { selfSigned } from '../../testing/self-signed';
import { sliceOf } from '../../testing/slices';
import type { KubeAccess, KubeTls } from '../access/kube-access';
import { KubeApi, type KubeApiOptions } from './kube-api';
import { serviceAccountAccess } from '../access/service-account';

const slices = (namespace: string) =>
  `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;

let fake: FakeApiServer;
const opened: KubeApi[] = [];

beforeEach(async () => {
  fake = await FakeApiServer.start();
  fake.put(sliceOf('metadata', ['10.0.0.1']));
});

afterEach(async () => {
  for (const api of opened.splice(0)) await api.close();
  await fake.stop();
});

function accessTo(tls: () => KubeTls = () => ({ ca: fake.ca })): KubeAccess {
  return {
    server: fake.url,
    namespace: 'default',
    credentials: async () => ({ headers: {}, tls: tls() }),
  };
}

function open(options: Partial<KubeApiOptions> = {}): KubeApi {
  const api = new KubeApi({ clock: systemClock, findAccess: async () => accessTo(), ...options });
  opened.push(api);
  return api;
}

const forever = () => new LimitedSignal(new AbortController().signal, 10_000, systemClock);

async function get(api: KubeApi, limited = forever(), query = ''): Promise<string> {
  try {
    const parts: Buffer[] = [];
    for await (const chunk of await api.get(
      ({ namespace }) => slices(namespace) + query,
      limited,
    )) {
      parts.push(chunk);
    }
    return Buffer.concat(parts).toString('utf8');
  } finally {
    limited[Symbol.dispose]();
  }
}

/** A watch that stays open, the chunks it has brought so far, and how it ends. */
async function watch(api: KubeApi) {
  const limited = forever();
  const chunks = await api.get(
    ({ namespace }) => `${slices(namespace)}?watch=true&resourceVersion=101`,
    limited,
  );
  const seen: string[] = [];
  const ended = (async () => {
    try {
      for await (const chunk of chunks) seen.push(chunk.toString('utf8'));
      return undefined;
    } catch (error: unknown) {
      return error;
    } finally {
      limited[Symbol.dispose]();
    }
  })();
  return { seen, ended };
}

describe('connections', () => {
  it('makes no new one for 1,000 calls, with 20 watches beside them', async () => {
    const api = open();
    const watches = await Promise.all(Array.from({ length: 20 }, () => watch(api)));
    for (let i = 0; i < 1000; i += 10) {
      await Promise.all(Array.from({ length: 10 }, () => get(api)));
    }
    expect(fake.connections).toBe(1);
    expect(fake.openWatches).toHaveLength(20);
    expect(new Set(fake.calls.map(({ httpVersion }) => httpVersion))).toEqual(new Set(['2.0']));
    await api.close();
    await Promise.all(watches.map(({ ended }) => ended));
  });

  it('makes one for each watch, and no new one for 1,000 calls, where the server speaks HTTP/1.1 only', async () => {
    await fake.stop();
    fake = await FakeApiServer.start('http/1.1');
    const api = open();
    const watches = [await watch(api), await watch(api)];
    for (let i = 0; i < 10; i += 1) await get(api);
    // One for what the watches leave over, and one more when an answer's end was not yet seen.
    const { connections } = fake;
    expect(connections).toBeLessThanOrEqual(4);
    for (let i = 0; i < 1000; i += 1) await get(api);
    expect(fake.connections).toBe(connections);
    expect(new Set(fake.calls.map(({ httpVersion }) => httpVersion))).toEqual(new Set(['1.1']));
    await api.close();
    await Promise.all(watches.map(({ ended }) => ended));
  });

  it('makes new ones with certificates that were exchanged, while open watches go on', async () => {
    let ca = [fake.ca];
    const api = open({ findAccess: async () => accessTo(() => ({ ca })) });
    const { seen, ended } = await watch(api);
    ca = [fake.ca, selfSigned().cert];
    await get(api);
    await get(api);
    expect([fake.connections, fake.openConnections]).toEqual([2, 2]);

    fake.put(sliceOf('metadata', ['10.0.0.2']));
    await until(() => seen.join('').includes('10.0.0.2'));
    fake.openWatches[0]?.end();
    expect(await ended).toBeUndefined();
    await until(() => fake.openConnections === 1);
  });

  it('says that a connection broke before the response, and in the middle of its body', async () => {
    const api = open();
    fake.react = () => ({ drop: 'reset' });
    await expect(get(api)).rejects.toMatchObject({ kind: 'lost', reason: 'lost' });
    fake.react = () => undefined;
    const { ended } = await watch(api);
    fake.openWatches[0]?.reset();
    expect(await ended).toMatchObject({ kind: 'lost', reason: 'lost' });
  });
});

describe('an error whose body does not end', () => {
  it.each([401, 403])('counts by its status: %d', async (status) => {
    let requests = 0;
    const server = createServer((_request, response) => {
      requests += 1;
      response.writeHead(status, { 'content-length': 1000 });
      response.write('{"message":');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const clock = new ManualClock();
    const api = open({
      clock,
      findAccess: async () => ({ ...accessTo(), server: `http://127.0.0.1:${port}` }),
    });
    const ended = get(api).catch((error: unknown) => error);
    const count = status === 401 ? 2 : 1;
    for (let i = 1; i <= count; i += 1) {
      await until(() => requests === i && clock.nextInMs === 2000);
      await clock.advance(2000);
    }
    expect(await ended).toMatchObject({ kind: 'refused', reason: `http_${status}` });
    await api.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});

it('credentials that never come fail one request, and not every later one', async () => {
  let asked = 0;
  const clock = new ManualClock();
  const api = open({
    clock,
    findAccess: async () => ({
      ...accessTo(),
      credentials: async () => {
        asked += 1;
        return asked === 1 ? new Promise(() => undefined) : { headers: {}, tls: { ca: fake.ca } };
      },
    }),
  });
  const first = get(api).catch((error: unknown) => error);
  await until(() => asked === 1);
  await clock.advance(70_000);
  expect(await first).toMatchObject({ kind: 'unreachable' });
  expect(await get(api)).toContain('10.0.0.1');
});

describe('a 401', () => {
  it('is asked again, once, with credentials that were read again', async () => {
    const tokens = ['old', 'new'];
    fake.tokens = new Set(['new']);
    const api = open({
      findAccess: async () => {
        const authorization = `Bearer ${tokens.shift() ?? ''}`;
        const credentials = async () => ({ headers: { authorization }, tls: { ca: fake.ca } });
        return { ...accessTo(), credentials };
      },
    });
    expect(await get(api)).toContain('10.0.0.1');
    expect(fake.calls.map(({ token }) => token)).toEqual(['old', 'new']);
  });

  it('reaches the caller when the new ones are refused too, with what to do', async () => {
    fake.tokens = new Set(['another']);
    await expect(get(open())).rejects.toMatchObject({
      kind: 'refused',
      reason: 'http_401',
      message:
        'the API server answered 401: Unauthorized (the token or certificate is not, or no longer, valid)',
    });
    expect(fake.calls).toHaveLength(2);
  });

  it('does not reach the caller while a pod’s token is exchanged again and again', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'service-account-'));
    let generation = 0;
    const rotate = () => {
      generation += 1;
      writeFileSync(path.join(folder, 'token'), `token-${generation}\n`);
      fake.tokens = new Set([`token-${generation}`]);
    };
    try {
      writeFileSync(path.join(folder, 'namespace'), 'default');
      writeFileSync(path.join(folder, 'ca.crt'), fake.ca);
      rotate();
      const env = {
        KUBERNETES_SERVICE_HOST: '127.0.0.1',
        KUBERNETES_SERVICE_PORT: String(fake.port),
      };
      const api = open({ findAccess: () => serviceAccountAccess(env, folder) });
      // 60 exchanges; each while some calls have read the token and are on their way.
      for (let i = 0; i < 60; i += 1) {
        const calls = Array.from({ length: 5 }, () => get(api));
        await until(() => fake.calls.some(({ token }) => token === `token-${generation}`));
        rotate();
        await Promise.all([...calls, get(api)]);
      }
      expect(fake.calls.at(-1)?.token).toBe('token-61');
      expect(fake.connections).toBe(1);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('the headers of an access', () => {
  const withAuthorization = (authorization: string) =>
    open({
      findAccess: async () => ({
        ...accessTo(),
        credentials: async () => ({ headers: { authorization }, tls: { ca: fake.ca } }),
      }),
    });

  it('lose a line break at their ends', async () => {
    fake.tokens = new Set(['secret']);
    expect(await get(withAuthorization('Bearer secret\n'))).toContain('10.0.0.1');
  });

  it.each(['Bearer S3CRET\r\nx: y', 'Bearer S3CRET\0', 'Bearer S3CRET\u2026'])(
    'are refused by name, and not told, where none can have that: %j',
    async (authorization) => {
      const failure: unknown = await get(withAuthorization(authorization)).catch(
        (error: unknown) => error,
      );
      expect(failure).toMatchObject({
        kind: 'unreachable',
        reason: 'no_config',
        message: expect.stringContaining('the credentials of the access') as string,
      });
      expect(inspect(failure, { depth: 9 })).not.toContain('S3CRET');
    },
  );
});

describe('credentials that do not come', () => {
  it('are waited for as long as the request may take, and are not asked for again meanwhile', async () => {
    const clock = new ManualClock();
    let asked = 0;
    let release: () => void = () => undefined;
    const findAccess = async (): Promise<KubeAccess> => ({
      ...accessTo(),
      credentials: async () => {
        asked += 1;
        if (asked === 1) await new Promise<void>((resolve) => (release = resolve));
        return { headers: {}, tls: { ca: fake.ca } };
      },
    });
    const api = open({ clock, findAccess });
    for (let i = 0; i < 3; i += 1) {
      const limited = new LimitedSignal(new AbortController().signal, 10_000, clock);
      const outcome = expect(get(api, limited)).rejects.toMatchObject({
        kind: 'unreachable',
        reason: 'timeout',
        message: expect.stringContaining('exec plug-in') as string,
      });
      await clock.advance(10_000);
      await outcome;
    }
    expect(asked).toBe(1);
    release();
    expect(await get(api)).toContain('10.0.0.1');
    expect(clock.pending).toBe(0);
  });

  it('are not waited for once the signal is aborted', async () => {
    const credentials = () => new Promise<never>(() => undefined);
    const api = open({ findAccess: async () => ({ ...accessTo(), credentials }) });
    const controller = new AbortController();
    const pending = get(api, new LimitedSignal(controller.signal, 10_000, systemClock));
    controller.abort();
    await expect(pending).rejects.toMatchObject({ kind: 'unreachable' });
  });
});

describe('what goes wrong', () => {
  it('is told with where the server was looked for', async () => {
    const { url } = fake;
    const access = accessTo();
    const api = open({ findAccess: async () => access });
    await fake.stop();
    await expect(get(api)).rejects.toMatchObject({
      kind: 'unreachable',
      reason: 'unreachable',
      message: expect.stringMatching(
        `the API server ${url} cannot be reached: .*ECONNREFUSED`,
      ) as string,
    });
    await fake.listen(Number(new URL(url).port));
  });

  it('makes the access be looked for again', async () => {
    const servers = ['https://127.0.0.1:1', fake.url];
    const api = open({
      findAccess: async () => ({ ...accessTo(), server: servers.shift() ?? fake.url }),
    });
    await expect(get(api)).rejects.toMatchObject({ kind: 'unreachable' });
    expect(await get(api)).toContain('10.0.0.1');
    expect(await get(api)).toContain('10.0.0.1');
  });

  it('is a certificate of another authority', async () => {
    const { cert } = selfSigned();
    const api = open({ findAccess: async () => accessTo(() => ({ ca: cert })) });
    await expect(get(api)).rejects.toMatchObject({ kind: 'unreachable' });
    expect(fake.calls).toEqual([]);
  });

  it.each([
    [{ status: 503, headers: { 'retry-after': '7' } }, 'http_503', 7000],
    [{ status: 429, body: '{"details":{"retryAfterSeconds":3}}' }, 'http_429', 3000],
    [{ status: 502, body: '<h1>no</h1>' }, 'http_502', undefined],
    [{ status: 500, body: '' }, 'http_500', undefined],
    [{ status: 302, headers: { location: 'https://elsewhere' } }, 'http_302', undefined],
  ])('is an answer other than 200: %j', async (reaction, reason, retryAfterMs) => {
    fake.react = () => reaction;
    await expect(get(open())).rejects.toMatchObject({ kind: 'refused', reason, retryAfterMs });
  });

  it('is read no further than 64 kB', async () => {
    fake.react = () => ({ status: 500, body: 'x'.repeat(10_000_000) });
    const api = open();
    await expect(get(api)).rejects.toMatchObject({
      message: `the API server answered 500: ${'x'.repeat(500)}`,
    });
    fake.react = () => undefined;
    await get(api);
    expect(fake.connections).toBe(1);
  });
});
