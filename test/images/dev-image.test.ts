import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { untilEqual } from '../until';
import { run } from '../cluster/run';
import { Container, removeContainers } from './container';
import { describeWithDocker, docker } from './docker';

const root = path.resolve(__dirname, '../..');
const version = `0.0.0-dev-${process.pid}`;
const image = (service: string) => `movies/${service}:${version}`;

/** As a pod runs it, whose root file system must be written to here. */
const flags = [
  '--user=65532:65532',
  '--cap-drop=ALL',
  '--security-opt=no-new-privileges',
  '--memory=512m',
  '--env=REGISTRY_URL=memory:',
];

describeWithDocker('the dev image', () => {
  beforeAll(async () => {
    const buildFlags = `${process.env['DOCKER_BUILD_FLAGS'] ?? ''} --target=dev`;
    const args = ['images', `VERSION=${version}`, `DOCKER_BUILD_FLAGS=${buildFlags}`];
    await run('make', ['-C', root, ...args], { limitMs: 540_000 });
  }, 600_000);
  afterEach(removeContainers);
  afterAll(() => docker(['image', 'rm', '--force', ...['metadata', 'rating', 'movie'].map(image)]));

  it('answers with what was synced, five times of five', async () => {
    const container = await Container.start(image('metadata'), flags, 'node');
    await untilEqual(() => title(container), 'Metropolis', 30_000);
    const file = 'services/metadata/src/sample-movies.ts';
    const source = await readFile(path.join(root, file), 'utf8');
    for (let sync = 1; sync <= 5; sync += 1) {
      const edited = source.replace(
        '.parse(movies)',
        `.parse(movies).map((movie) => ({ ...movie, title: 'Sync ${sync}' }))`,
      );
      await container.sync(await archive(file, edited));
      await untilEqual(() => title(container), `Sync ${sync}`, 30_000);
    }
  }, 180_000);

  it('follows the packages and the JSON too, and files that are new', async () => {
    const container = await Container.start(image('metadata'), flags, 'node');
    await untilEqual(() => title(container), 'Metropolis', 30_000);
    const movies = await readFile(path.join(root, 'services/metadata/src/movies.json'), 'utf8');
    const json = movies.replace('Metropolis', 'From JSON');
    await container.sync(await archive('services/metadata/src/movies.json', json));
    await untilEqual(() => title(container), 'From JSON', 30_000);
    const schema = 'packages/api/src/metadata.ts';
    const source = await readFile(path.join(root, schema), 'utf8');
    await container.sync(
      await archive('packages/api/src/marker.ts', `export const marker = 'new';`),
    );
    const edited = `import { marker } from './marker';\n${source}\nif (marker !== '') process.stdout.write('{"msg":"package synced"}\\n');\n`;
    await container.sync(await archive(schema, edited));
    await untilEqual(async () => (await container.logs()).includes('package synced'), true, 30_000);
  }, 120_000);
});

async function title(container: Container): Promise<unknown> {
  const answer = await container.get('/metadata?id=1');
  return answer?.status === 200 ? (JSON.parse(answer.body) as { title: unknown }).title : undefined;
}

/** A tar archive of one file as it lies in the image. */
async function archive(file: string, content: string): Promise<Buffer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'movies-sync-'));
  try {
    await mkdir(path.join(folder, 'app', path.dirname(file)), { recursive: true });
    await writeFile(path.join(folder, 'app', file), content);
    const tar = path.join(folder, 'sync.tar');
    await run('tar', ['cf', tar, '-C', folder, `app/${file}`]);
    return await readFile(tar);
  } finally {
    await rm(folder, { recursive: true });
  }
}
