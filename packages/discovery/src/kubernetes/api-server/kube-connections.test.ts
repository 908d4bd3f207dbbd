import { text } from 'node:stream/consumers';
import { LimitedSignal, systemClock } from '@movies/time';
import { ManualClock, until } from '@movies/time/testing';
import { FakeApiServer, type ApiReaction } from '../../testing/fake-api-server';
import { sliceOf } from '../../testing/slices';
import { KubeApi } from './kube-api';

let fake: FakeApiServer;
let api: KubeApi;
let clock: ManualClock;

async function start(protocol: 'h2' | 'http/1.1' = 'h2'): Promise<void> {
  fake = await FakeApiServer.start(protocol);
  fake.put(sliceOf('metadata', ['10.0.0.1']));
  api = new KubeApi({
    clock: systemClock,
    findAccess: async () => ({
      server: fake.url,
      namespace: 'default',
      credentials: async () => ({ headers: {}, tls: { ca: fake.ca } }),
    }),
  });
}

beforeEach(() => {
  clock = new ManualClock();
});

afterEach(async () => {
  await api.close();
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

describe.each(['h2', 'http/1.1'] as const)(
  'a request that passes its deadline, over %s,',
  (protocol) => {
    beforeEach(() => start(protocol));

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
  },
);

describe('an HTTP/2 connection', () => {
  beforeEach(() => start());

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

describe('after GOAWAY', () => {
  beforeEach(() => start());

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

  it('a request is sent again once, and then fails, so that there is no loop without a wait', async () => {
    const { shows } = await watch();
    reactToLists({ drop: 'hang' });
    const outcome = expect(list()).rejects.toMatchObject({ kind: 'lost' });
    for (let i = 2; i < 4; i += 1) {
      await until(() => fake.calls.filter(({ kind }) => kind === 'list').length === i - 1);
      // A stream under way keeps the connection.
      const beside = await watch();
      fake.goaway();
      fake.put(sliceOf('metadata', [`10.0.0.${i}`]));
      await beside.shows(`10.0.0.${i}`);
    }
    await outcome;
    await shows('10.0.0.3');
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
