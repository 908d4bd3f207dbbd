import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInstance } from '../instance';
import { down, openTold } from '../testing/told-registry';

const instance = createInstance({ id: 'a', service: 'metadata', host: 'localhost', port: 8081 });
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'snapshot-cache-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const open = () => openTold({}, { snapshotCache: folder });
const file = () => path.join(folder, 'told', 'metadata.json');

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
    expect(JSON.parse(await readFile(file(), 'utf8'))).toMatchObject({
      service: 'metadata',
      instances: [{ id: 'a', weight: 50 }],
    });
    expect(await readdir(path.join(folder, 'told'))).toEqual(['metadata.json']);
  });

  it.each([
    ['no JSON', '{'],
    ['another form', '{"service":"metadata"}'],
    ['an instance that cannot be', '{"service":"metadata","confirmedAt":1,"instances":[{}]}'],
  ])('passes over a file that holds %s, with a warning', async (_name, text) => {
    await remember();
    await writeFile(file(), text);
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation();
    const { registry, sink } = open();
    const watch = registry.watch('metadata');
    sink().fail(down);
    const warnings = emitWarning.mock.calls;
    emitWarning.mockRestore();
    expect(watch.view.state).toBe('unknown');
    expect(warnings).toEqual([
      [expect.stringContaining(`cannot read ${file()}`) as string, { code: 'DISCOVERY_CACHE' }],
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
    expect(JSON.parse(await readFile(file(), 'utf8'))).toMatchObject({ confirmedAt });
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
    const stored = JSON.parse(await readFile(file(), 'utf8')) as object;
    await writeFile(file(), JSON.stringify({ ...stored, confirmedAt: 10 ** 15 }));
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
