import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { untilEqual } from '../until';
import { Container, removeContainers } from './container';
import { describeWithDocker } from './docker';
import { buildImages, imageName, ownTag, removeImages, services } from './service-images';
import { syncArchive } from './sync-archive';

const root = path.resolve(__dirname, '../..');
const version = ownTag('dev');
const image = imageName('metadata', version);
const startLimitMs = 30_000;

/** As a pod runs it, whose root file system must be written to here. */
const flags = [
  '--user=65532:65532',
  '--cap-drop=ALL',
  '--security-opt=no-new-privileges',
  '--memory=512m',
  '--env=REGISTRY_URL=memory:',
];

describeWithDocker('the dev image', () => {
  beforeAll(() => buildImages(version, '--target=dev'), 600_000);
  afterEach(removeContainers);
  afterAll(() => removeImages(version));

  it.each(services)(
    'starts %s',
    async (service) => {
      const container = await Container.start(imageName(service, version), flags);
      const ready = async () => (await container.get('/readyz'))?.status;
      await untilEqual(ready, 200, startLimitMs);
    },
    60_000,
  );

  it('answers with what was synced, five times of five', async () => {
    const container = await Container.start(image, flags);
    await untilEqual(() => title(container), 'Metropolis', startLimitMs);
    const file = 'services/metadata/src/sample-movies.ts';
    const source = await readFile(path.join(root, file), 'utf8');
    for (let sync = 1; sync <= 5; sync += 1) {
      const edited = source.replace(
        '.parse(movies)',
        `.parse(movies).map((movie) => ({ ...movie, title: 'Sync ${sync}' }))`,
      );
      await container.sync(await syncArchive(`/app/${file}`, edited));
      await untilEqual(() => title(container), `Sync ${sync}`, startLimitMs);
    }
  }, 180_000);

  it('ends in the last state of files that come one after another', async () => {
    const container = await Container.start(image, flags);
    await untilEqual(() => title(container), 'Metropolis', startLimitMs);
    const file = 'services/metadata/src/sample-movies.ts';
    const source = await readFile(path.join(root, file), 'utf8');
    const edited = (name: string) =>
      source.replace(
        '.parse(movies)',
        `.parse(movies).map((movie) => ({ ...movie, title: '${name}' }))`,
      );
    for (let sync = 1; sync <= 10; sync += 1) {
      const extra = `/app/packages/api/src/extra-${sync}.ts`;
      await container.sync(await syncArchive(extra, `export const extra = ${sync};\n`));
      await container.sync(await syncArchive(`/app/${file}`, edited(`Sync ${sync}`)));
    }
    await untilEqual(() => title(container), 'Sync 10', startLimitMs);
    // It stays: no process of an earlier state comes after the last.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(await title(container)).toBe('Sync 10');
  }, 120_000);

  it('follows the packages and the JSON too, and files that are new', async () => {
    const container = await Container.start(image, flags);
    await untilEqual(() => title(container), 'Metropolis', startLimitMs);
    const movies = await readFile(path.join(root, 'services/metadata/src/movies.json'), 'utf8');
    const json = movies.replace('Metropolis', 'From JSON');
    await container.sync(await syncArchive('/app/services/metadata/src/movies.json', json));
    await untilEqual(() => title(container), 'From JSON', startLimitMs);
    const schema = 'packages/api/src/metadata.ts';
    const source = await readFile(path.join(root, schema), 'utf8');
    await container.sync(
      await syncArchive('/app/packages/api/src/marker.ts', `export const marker = 'new';`),
    );
    const edited = `import { marker } from './marker';\n${source}\nif (marker !== '') process.stdout.write('{"msg":"package synced"}\\n');\n`;
    await container.sync(await syncArchive(`/app/${schema}`, edited));
    await untilEqual(
      async () => (await container.logs()).includes('package synced'),
      true,
      startLimitMs,
    );
  }, 120_000);
});

async function title(container: Container): Promise<unknown> {
  const answer = await container.get('/metadata?id=1');
  return answer?.status === 200 ? (JSON.parse(answer.body) as { title: unknown }).title : undefined;
}
