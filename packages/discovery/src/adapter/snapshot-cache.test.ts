import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInstance } from '../instance';
import { WatchedRegistry, type AdapterOptions } from './watched-registry';
import { down, openTold } from '../testing/told-registry';

const instance = createInstance({ id: 'a', service: 'metadata', host: 'localhost', port: 8081 });
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'snapshot-cache-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const open = (adapter: Partial<AdapterOptions> = {}) =>
  openTold(adapter, { snapshotCache: folder });

/** The one file that there is. */
async function file(): Promise<string> {
  const [name = '', ...more] = await readdir(path.join(folder, 'told'));
  expect([name, more]).toEqual([expect.stringMatching(/^metadata\.[0-9a-f]{16}\.json$/), []]);
  return path.join(folder, 'told', name);
}

/** A process that heard the set, and ended. */
async function remember(): Promise<number> {
  const { registry, sink, clock } = open();
  registry.watch('metadata');
  sink().publish([instance]);
  await registry.close();
  return clock.now();
}

describe('the snapshot cache', () => {
  it('lets a process that starts in an outage serve the last good set, marked as old', async () => {
    const confirmedAt = await remember();
    const { registry, sink } = open();
    const watch = registry.watch('metadata');
    sink().fail(down);
    expect(await watch.synced()).toMatchObject({
      isFromCache: true,
      confirmedAt,
      instances: [instance],
      failure: { cause: down },
    });
    sink().publish([instance]);
    expect(watch.view).not.toHaveProperty('isFromCache');
    await registry.close();
  });

  it.each<[string, () => string | Promise<string>]>([
    ['at once', () => 'told://elsewhere'],
    ['later', () => Promise.resolve('told://elsewhere')],
  ])(
    'gives no set of one origin to another, which says so %s, and keeps both',
    async (_, origin) => {
      await remember();
      const { registry, sink, clock } = open({ origin });
      const watch = registry.watch('metadata');
      sink().fail(down);
      await clock.advance(5000);
      expect(watch.view.state).toBe('unknown');
      sink().publish([createInstance({ ...instance, id: 'b' })]);
      await registry.close();
      expect(await readdir(path.join(folder, 'told'))).toHaveLength(2);
      for (const [again, id] of [
        [open({ origin }), 'b'],
        [open(), 'a'],
      ] as const) {
        const served = again.registry.watch('metadata');
        await again.clock.advance(0);
        again.sink().fail(down);
        expect(served.view).toMatchObject({ isFromCache: true, instances: [{ id }] });
        await again.registry.close();
      }
    },
  );

  it.each<[string, () => string | Promise<string>]>([
    [
      'throws',
      () => {
        throw new Error('no cluster');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no cluster'))],
  ])('neither reads nor writes while its origin %s, and warns', async (_, origin) => {
    await remember();
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation();
    const { registry, sink, clock } = open({ origin });
    const watch = registry.watch('metadata');
    sink().fail(down);
    await clock.advance(5000);
    expect(watch.view.state).toBe('unknown');
    sink().publish([createInstance({ ...instance, id: 'b' })]);
    await registry.close();
    const warnings = emitWarning.mock.calls;
    emitWarning.mockRestore();
    expect(warnings).toEqual([
      [
        "the snapshot cache cannot read the set of 'metadata': no cluster",
        { code: 'DISCOVERY_CACHE' },
      ],
    ]);
    expect(await readFile(await file(), 'utf8')).toContain('"id":"a"');
    expect(clock.pending).toBe(0);
  });

  it('does not keep a registry from closing whose origin never comes', async () => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation();
    const { registry, sink, clock } = open({ origin: () => new Promise<string>(() => undefined) });
    registry.watch('metadata');
    sink().publish([instance]);
    const closing = registry.close();
    await clock.advance(1000);
    await closing;
    emitWarning.mockRestore();
    expect(clock.pending).toBe(0);
  });

  it('is refused by a registry that cannot say where its sets come from', () => {
    const adapter = { name: 'told', open: () => ({ turn: () => Promise.resolve(Infinity) }) };
    expect(() => new WatchedRegistry(adapter, { snapshotCache: folder })).toThrow(
      `a told registry takes no 'snapshotCache': it is given '${folder}'`,
    );
  });

  it('leaves the first word to a registry that answers', async () => {
    await remember();
    const { registry, sink, clock } = open();
    const watch = registry.watch('metadata');
    await clock.advance(999);
    expect(watch.view.state).toBe('unknown');
    sink().publish([]);
    await clock.advance(5000);
    expect(watch.view).toMatchObject({ version: 1, instances: [] });
    await registry.close();
  });

  it('does not wait longer than a second for a registry that is silent', async () => {
    await remember();
    const { registry, clock } = open();
    const watch = registry.watch('metadata');
    await clock.advance(1000);
    expect(watch.view).toMatchObject({ state: 'known', isFromCache: true });
    await registry.close();
  });

  it('writes the newest of many changes, whole, and not what it was given', async () => {
    const { registry, sink, clock } = open();
    registry.watch('metadata');
    sink().publish([]);
    for (let weight = 1; weight <= 50; weight += 1) {
      sink().publish([createInstance({ ...instance, weight })]);
    }
    await clock.advance(1000);
    await registry.close();
    expect(JSON.parse(await readFile(await file(), 'utf8'))).toMatchObject({
      service: 'metadata',
      origin: 'told://here',
      instances: [{ id: 'a', weight: 50 }],
    });
  });

  it.each([
    ['no JSON', '{'],
    ['another form', '{"service":"metadata"}'],
    ['an instance that cannot be', '{"service":"metadata","confirmedAt":1,"instances":[{}]}'],
  ])('passes over a file that holds %s, with a warning', async (_name, text) => {
    await remember();
    await writeFile(await file(), text);
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation();
    const { registry, sink } = open();
    const watch = registry.watch('metadata');
    sink().fail(down);
    const warnings = emitWarning.mock.calls;
    emitWarning.mockRestore();
    expect(watch.view.state).toBe('unknown');
    expect(warnings).toEqual([
      [
        expect.stringContaining(`cannot read ${await file()}`) as string,
        { code: 'DISCOVERY_CACHE' },
      ],
    ]);
    await registry.close();
  });

  it('keeps when the set was confirmed last, also without a change', async () => {
    const { registry, sink, clock } = open();
    registry.watch('metadata');
    for (let second = 0; second < 3600; second += 10) {
      sink().publish([instance]);
      await clock.advance(10_000);
    }
    const confirmedAt = clock.now() - 10_000;
    await registry.close();
    expect(JSON.parse(await readFile(await file(), 'utf8'))).toMatchObject({ confirmedAt });
  });

  it('keeps no file of a set that is empty', async () => {
    await remember();
    const { registry, sink } = open();
    for (const service of ['metadata', 'nobody']) {
      registry.watch(service);
      sink().publish([]);
    }
    await registry.close();
    expect(await readdir(path.join(folder, 'told'))).toEqual([]);
  });

  it('takes no set for younger than now', async () => {
    await remember();
    const stored = JSON.parse(await readFile(await file(), 'utf8')) as object;
    await writeFile(await file(), JSON.stringify({ ...stored, confirmedAt: 10 ** 15 }));
    const { registry, sink, clock } = open();
    const watch = registry.watch('metadata');
    sink().fail(down);
    await clock.advance(5000);
    expect(watch.ageMs).toBe(5000);
    await registry.close();
  });

  it.each(['', 7])('refuses %j for a folder', (snapshotCache) => {
    expect(() => openTold({}, { snapshotCache: snapshotCache as string })).toThrow(
      expect.objectContaining({ code: 'invalid_options' }) as Error,
    );
  });

  it('warns once when it cannot write, and serves on', async () => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation();
    const { registry, sink, clock } = open();
    const watch = registry.watch('metadata');
    await rm(path.join(folder, 'told'), { recursive: true });
    for (const set of [[instance], [], [instance]]) {
      sink().publish(set);
      await clock.advance(1000);
    }
    await registry.close();
    const warnings = emitWarning.mock.calls;
    emitWarning.mockRestore();
    expect(warnings).toHaveLength(1);
    expect(watch.service).toBe('metadata');
  });

  it('refuses a folder that cannot be made', async () => {
    await writeFile(path.join(folder, 'file'), '');
    const openBelowFile = () => openTold({}, { snapshotCache: path.join(folder, 'file') });
    expect(openBelowFile).toThrow(
      expect.objectContaining({
        code: 'invalid_options',
        message: expect.stringContaining('ENOTDIR') as string,
      }) as Error,
    );
  });
});
