import { systemClock } from '@movies/time';
import { statusOf } from '../../testing/api-documents';
import { FakeApiServer, type ApiReaction } from '../../testing/fake-api-server';
import { ManualClock, until } from '@movies/time/testing';
import { sliceOf } from '../../testing/slices';
import { KubeApi } from '../api-server/kube-api';
import { ListWatch, type KubeObject } from './list-watch';

let fake: FakeApiServer;
let api: KubeApi;
let clock: ManualClock;
let listWatch: ListWatch<KubeObject>;
const never = new AbortController().signal;

beforeEach(async () => {
  fake = await FakeApiServer.start();
  api = new KubeApi({
    clock: systemClock,
    findAccess: async () => ({
      server: fake.url,
      namespace: 'default',
      credentials: async () => ({ headers: {}, tls: { ca: fake.ca } }),
    }),
  });
  clock = new ManualClock();
  listWatch = open();
});

afterEach(async () => {
  await api.close();
  await fake.stop();
});

function open(
  namespace?: string,
  checkObject?: (object: KubeObject) => void,
): ListWatch<KubeObject> {
  return new ListWatch({
    api,
    clock,
    path: (name) => `/apis/discovery.k8s.io/v1/namespaces/${name}/endpointslices`,
    selector: { labelSelector: 'kubernetes.io/service-name=metadata' },
    checkObject,
    namespace,
    idleMs: 90_000,
  });
}

function put(count: number): void {
  for (let i = 0; i < count; i += 1) {
    fake.put(sliceOf('metadata', [`10.0.${i >> 8}.${i & 255}`], { name: `slice-${i}` }));
  }
}

const queries = () => fake.calls.map(({ query }) => Object.fromEntries(query));
const listOf = (metadata: object, items: unknown) => JSON.stringify({ metadata, items });
const answer = (script: string): ApiReaction => ({ script });

/** What a watch says, and how it ends if badly. */
async function watch(signal = never): Promise<unknown[]> {
  const said: unknown[] = [];
  try {
    const events = listWatch.watch({ version: '100', timeoutSeconds: 250 }, signal);
    for await (const event of events) said.push(event);
  } catch (error: unknown) {
    said.push(error);
  }
  return said;
}

it('what goes on from a version is expired where the access leads elsewhere by now', async () => {
  let namespace = 'default';
  const moving = new KubeApi({
    clock: systemClock,
    findAccess: async () => ({
      server: fake.url,
      namespace,
      credentials: async () => ({ headers: {}, tls: { ca: fake.ca } }),
    }),
  });
  listWatch = new ListWatch({
    api: moving,
    clock,
    path: (name) => `/apis/discovery.k8s.io/v1/namespaces/${name}/endpointslices`,
    selector: { labelSelector: 'kubernetes.io/service-name=metadata' },
    namespace: undefined,
    idleMs: 90_000,
  });
  await listWatch.list('any', never);
  namespace = 'other';
  const moved = { kind: 'expired', reason: 'moved' };
  await expect(listWatch.list({ notOlderThan: '100' }, never)).rejects.toMatchObject(moved);
  expect(await watch()).toMatchObject([moved]);
  await listWatch.list('consistent', never);
  expect(listWatch.namespace).toBe('other');
  await moving.close();
});

describe('a list', () => {
  it('of the cache is asked for whole, as that ignores a limit', async () => {
    put(3);
    const { version, objects } = await listWatch.list('any', never);
    expect([version, objects.length]).toEqual(['103', 3]);
    expect(queries()).toEqual([
      { labelSelector: 'kubernetes.io/service-name=metadata', resourceVersion: '0' },
    ]);
  });

  it('that must not be older than a version is asked for whole', async () => {
    put(3);
    const { version } = await listWatch.list({ notOlderThan: '102' }, never);
    expect(version).toBe('103');
    expect(queries()).toEqual([
      {
        labelSelector: 'kubernetes.io/service-name=metadata',
        resourceVersion: '102',
        resourceVersionMatch: 'NotOlderThan',
      },
    ]);
  });

  it('is expired where the server has not come to the version yet', async () => {
    await expect(listWatch.list({ notOlderThan: '102' }, never)).rejects.toMatchObject({
      kind: 'expired',
      reason: 'version_too_large',
    });
  });

  it('that is consistent comes in pages', async () => {
    put(1201);
    const { objects } = await listWatch.list('consistent', never);
    expect(new Set(objects.map(({ metadata }) => metadata.name)).size).toBe(1201);
    const labelSelector = 'kubernetes.io/service-name=metadata';
    expect(queries()).toEqual([
      { labelSelector, limit: '500' },
      { labelSelector, limit: '500', continue: '500' },
      { labelSelector, limit: '500', continue: '1000' },
    ]);
  });

  it('is expired as a whole when one of its pages is', async () => {
    put(600);
    fake.react = ({ query }) => (query.has('continue') ? { status: 410 } : undefined);
    await expect(listWatch.list('consistent', never)).rejects.toMatchObject({ kind: 'expired' });
  });

  it.each([
    ['for ever', () => listOf({ resourceVersion: '7', continue: 'more' }, []), 100],
    [
      'of two versions',
      () => listOf({ resourceVersion: String(6 + fake.calls.length), continue: 'more' }, []),
      2,
    ],
    [
      'of too many bytes together',
      () => listOf({ resourceVersion: '7', continue: 'x'.repeat(30 * 1024 * 1024) }, []),
      3,
    ],
  ])('is malformed if it has pages %s', async (_, script, requests) => {
    fake.react = () => answer(script());
    // What is to go on from is not sent: a URL so long would be refused.
    const get = api.get.bind(api);
    jest
      .spyOn(api, 'get')
      .mockImplementation((path, limited) => get((own) => path(own).slice(0, 200), limited));
    await expect(listWatch.list('consistent', never)).rejects.toMatchObject({
      kind: 'malformed',
      reason: 'bad_list',
    });
    expect(fake.calls).toHaveLength(requests);
  });

  it('is malformed if one of its objects is of another kind', async () => {
    listWatch = open('default', ({ metadata: { name } }) => {
      if (name === 'b') throw new TypeError('this is no slice');
    });
    const items = ['a', 'b'].map((name) => ({ metadata: { name } }));
    fake.react = () => answer(listOf({ resourceVersion: '7' }, items));
    await expect(listWatch.list('any', never)).rejects.toMatchObject({
      kind: 'malformed',
      reason: 'bad_list',
      message: "the API server's response cannot be read: this is no slice",
    });
  });

  it('without items is empty', async () => {
    fake.react = () => answer(listOf({ resourceVersion: '7' }, null));
    expect(await listWatch.list('any', never)).toEqual({ version: '7', objects: [] });
  });

  it('ends with a page that names no next one, or an empty one', async () => {
    fake.react = () => answer(listOf({ resourceVersion: '7', continue: '' }, []));
    expect(await listWatch.list('consistent', never)).toEqual({ version: '7', objects: [] });
    expect(fake.calls).toHaveLength(1);
  });

  it('is of the namespace that is named, written as a part of a path', async () => {
    put(1);
    expect((await open('default').list('any', never)).objects).toHaveLength(1);
    expect((await open('default/endpointslices?').list('any', never)).objects).toEqual([]);
    expect(queries()[1]).toEqual(queries()[0]);
  });

  it.each([
    ['no JSON', '<html>'],
    ['half of one', '{"metadata":{"resourceVersion":"7"},"items":['],
    ['no version', listOf({}, [])],
    ['an empty version', listOf({ resourceVersion: '' }, [])],
    ['a version that stands for any', listOf({ resourceVersion: '0' }, [])],
    ['a version of another type', listOf({ resourceVersion: 7 }, [])],
    ['an object without a name', listOf({ resourceVersion: '7' }, [{ metadata: {} }])],
    ['an object that is none', listOf({ resourceVersion: '7' }, [null])],
    ['no items', JSON.stringify({ metadata: { resourceVersion: '7' } })],
    ['items that are no list', listOf({ resourceVersion: '7' }, 'oops')],
    ['null', 'null'],
  ])('that is malformed is no list: %s', async (_, script) => {
    fake.react = () => answer(script);
    await expect(listWatch.list('any', never)).rejects.toMatchObject({
      kind: 'malformed',
      reason: 'bad_list',
    });
  });

  it('has 30 s for all its pages', async () => {
    put(600);
    fake.react = ({ query }) => (query.has('continue') ? { script: '{', open: true } : undefined);
    const outcome = expect(listWatch.list('consistent', never)).rejects.toMatchObject({
      kind: 'silent',
    });
    await until(() => fake.calls.length === 2);
    await new Promise(setImmediate);
    await clock.advance(30_000);
    await outcome;
    expect(clock.pending).toBe(0);
  });
});

describe('a watch', () => {
  it('asks for bookmarks and its end', async () => {
    const said = watch();
    await until(() => fake.openWatches.length === 1);
    expect(queries()).toEqual([
      {
        labelSelector: 'kubernetes.io/service-name=metadata',
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: '100',
        timeoutSeconds: '250',
      },
    ]);
    put(1);
    fake.remove('slice-0');
    fake.bookmark();
    fake.openWatches[0]?.end();
    const object = expect.objectContaining({
      metadata: expect.objectContaining({ name: 'slice-0' }) as object,
    }) as object;
    expect(await said).toEqual([
      { type: 'ADDED', version: '101', object },
      { type: 'DELETED', version: '102', object },
      { type: 'BOOKMARK', version: '102' },
    ]);
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['a line that is no JSON', 'oops\n', 'malformed', 'bad_line'],
    ['an empty line', '\n', 'malformed', 'bad_line'],
    ['null', 'null\n', 'malformed', 'bad_line'],
    ['an event of no known type', '{"type":"OTHER","object":{}}\n', 'malformed', 'bad_line'],
    ['no object', '{"type":"ADDED"}\n', 'malformed', 'bad_line'],
    [
      'no version',
      '{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n',
      'malformed',
      'bad_line',
    ],
    [
      'no name',
      '{"type":"ADDED","object":{"metadata":{"resourceVersion":"7"}}}\n',
      'malformed',
      'bad_line',
    ],
    [
      'a bookmark without a version',
      '{"type":"BOOKMARK","object":{"metadata":{}}}\n',
      'malformed',
      'bad_line',
    ],
    ['half a line', '{"type":"BOOKMARK"', 'lost', 'half_line'],
    ['a line without an end', 'x'.repeat(9 * 1024 * 1024), 'malformed', 'bad_line'],
    [
      '410',
      `${JSON.stringify({ type: 'ERROR', object: statusOf(410, 'old') })}\n`,
      'expired',
      'expired',
    ],
    [
      '500',
      `${JSON.stringify({ type: 'ERROR', object: statusOf(500, 'no') })}\n`,
      'refused',
      'event_500',
    ],
    ['an error without a status', '{"type":"ERROR"}\n', 'refused', 'event_500'],
  ])('ends with %s', async (_, script, kind, reason) => {
    fake.react = () => answer(script);
    expect(await watch()).toEqual([expect.objectContaining({ kind, reason })]);
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['has no response', { drop: 'hang' }],
    ['opens, and has no event', undefined],
    ['opens, and its headers wait for an event', { holdHeaders: true }],
  ] as const)('is given up after the idle time if it %s, and not before', async (_, reaction) => {
    fake.react = () => reaction;
    const said = watch();
    await until(() => fake.calls.length === 1);
    await clock.advance(89_999);
    expect(fake.openConnections).toBe(1);
    await clock.advance(1);
    expect(await said).toMatchObject([{ kind: 'silent' }]);
  });

  it('is given the idle time anew by each event', async () => {
    const said = watch();
    await until(() => fake.openWatches.length === 1);
    await clock.advance(89_000);
    fake.bookmark();
    await until(() => clock.nextInMs === 90_000);
    await clock.advance(89_999);
    expect(fake.openWatches).toHaveLength(1);
    await clock.advance(1);
    expect(await said).toMatchObject([{ type: 'BOOKMARK' }, { kind: 'silent', reason: 'silent' }]);
    await until(() => fake.openWatches.length === 0);
  });

  it('goes on where the headers come late, with the first event', async () => {
    fake.react = () => ({ holdHeaders: true });
    const said = watch();
    await until(() => fake.openWatches.length === 1);
    await clock.advance(60_000);
    fake.bookmark();
    await until(() => clock.nextInMs === 90_000);
    fake.openWatches[0]?.end();
    expect(await said).toMatchObject([{ type: 'BOOKMARK' }]);
  });

  it('is left half a minute after it should have ended, though it goes on', async () => {
    const said = watch();
    await until(() => fake.openWatches.length === 1);
    for (let i = 0; i < 5; i += 1) {
      await clock.advance(i < 4 ? 69_000 : 4000);
      expect(fake.openWatches).toHaveLength(1);
      fake.bookmark();
      await until(() => clock.nextInMs === 90_000 || clock.pending === 0);
    }
    expect(await said).toEqual(
      Array.from({ length: 5 }, () => ({ type: 'BOOKMARK', version: '100' })),
    );
    await until(() => fake.openWatches.length === 0);
  });

  it('ends when it is aborted', async () => {
    const controller = new AbortController();
    const said = watch(controller.signal);
    await until(() => fake.openWatches.length === 1);
    controller.abort();
    expect(await said).toHaveLength(1);
    await until(() => fake.openWatches.length === 0);
    expect(clock.pending).toBe(0);
  });
});
