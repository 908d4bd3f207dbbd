import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { untilEqual } from '../until';
import { run } from '../cluster/run';
import { Container, removeContainers, runToEnd } from './container';
import { describeWithDocker, docker } from './docker';
import {
  buildImages,
  imageName,
  ownLayerBytes,
  ownTag,
  removeImages,
  services,
} from './service-images';

const root = path.resolve(__dirname, '../..');
const version = ownTag('test');
const image = (service: string) => imageName(service, version);

/** As a pod under the Pod Security standard `restricted` runs, and with its file system read-only. */
const restricted = [
  '--read-only',
  '--user=65532:65532',
  '--cap-drop=ALL',
  '--security-opt=no-new-privileges',
  '--memory=256m',
  '--env=REGISTRY_URL=memory:',
];

const layerLimitBytes = 5_000_000;
/** Ten times what is usual, for a machine that builds meanwhile. */
const startLimitMs = 5000;

describeWithDocker('the images', () => {
  beforeAll(() => buildImages(version), 600_000);
  afterEach(removeContainers);
  afterAll(() => removeImages(version));

  describe.each(services)('%s', (service) => {
    it('becomes ready with nothing that a restricted pod has not', async () => {
      const container = await Container.start(image(service), restricted);
      await untilEqual(async () => (await container.get('/readyz'))?.status, 200);
      expect(await container.get('/livez')).toMatchObject({ status: 200 });
      const log = await container.logs();
      const ready = /"time":"([^"]*)"[^\n]*"msg":"ready"/.exec(log)?.[1] ?? '';
      const began = await container.inspect('{{.State.StartedAt}}');
      expect(Date.parse(ready) - Date.parse(began)).toBeLessThan(startLimitMs);
    });

    it('ends with 0 on SIGTERM, within seconds', async () => {
      const container = await Container.start(image(service), restricted);
      await untilEqual(async () => (await container.get('/readyz'))?.status, 200);
      const { code, tookMs } = await container.terminate();
      expect(code).toBe(0);
      expect(tookMs).toBeLessThan(5000);
    });

    it('ends with 78 on a configuration that cannot be used, and says which', () => {
      const { code, errors } = runToEnd(image(service), ['--env=PORT=eighty']);
      expect(code).toBe(78);
      expect(errors).toContain('PORT');
    });

    it('takes flags, as the process does', () => {
      const { code, output } = runToEnd(image(service), [], ['--help']);
      expect(code).toBe(0);
      expect(output).toContain(`${service} 0.1.0`);
    });

    it("has no shell, no package manager, and of ours a bundle, its map and migrations, which are root's", async () => {
      const files = await listFiles(image(service));
      const tools = /^(usr\/)?(local\/)?s?bin\/(sh|bash|dash|busybox|npm|npx|apt|dpkg|curl|wget)$/;
      expect(files.filter(({ name }) => tools.test(name))).toEqual([]);
      expect(files.filter(({ name }) => name.startsWith('app/'))).toEqual([
        { mode: 'drwxr-xr-x', owner: '0/0', name: 'app/' },
        { mode: '-rw-r--r--', owner: '0/0', name: 'app/main.js' },
        { mode: '-rw-r--r--', owner: '0/0', name: 'app/main.js.map' },
        ...migrationsOf(service),
      ]);
    });

    it('adds no more than 5 MB to its base image', async () => {
      const bytes = await ownLayerBytes(image(service));
      expect(bytes).toBeGreaterThan(100_000);
      expect(bytes).toBeLessThan(layerLimitBytes);
    });

    it('says what it is', async () => {
      const args = ['image', 'inspect', '--format={{json .Config.Labels}}', image(service)];
      expect(JSON.parse(await docker(args))).toMatchObject({
        'org.opencontainers.image.title': `movies/${service}`,
        'org.opencontainers.image.version': version,
        'org.opencontainers.image.licenses': 'MIT',
      });
    });
  });

  it('embeds no database, and says what to give instead', () => {
    const { code, errors } = runToEnd(image('rating'), ['--env=DATABASE_URL=file:./data']);
    expect(code).toBe(78);
    expect(errors).toContain('@electric-sql/pglite, which is not installed, as in an image');
  });

  it('sizes the heap from the memory limit', async () => {
    const container = await Container.start(image('metadata'), restricted);
    const limit = Number(
      await container.node('--print', 'require("v8").getHeapStatistics().heap_size_limit'),
    );
    expect(limit / 2 ** 20).toBeGreaterThan(256 * 0.6);
    expect(limit / 2 ** 20).toBeLessThan(256 * 0.8);
  });

  it('is built for another processor, with nothing run on it', async () => {
    // Without a base image of that processor at hand; nor is anything of a base image run to build this stage.
    const foreign = process.arch === 'arm64' ? 'amd64' : 'arm64';
    const flags = `--platform=linux/${foreign} --build-arg=RUNTIME_IMAGE=scratch`;
    const other = `${version}-${foreign}`;
    await buildImages(other, flags);
    try {
      const args = ['image', 'inspect', '--format={{.Architecture}}', imageName('metadata', other)];
      expect((await docker(args)).trim()).toBe(foreign);
    } finally {
      await removeImages(other);
    }
  }, 600_000);

  it('says what is wrong with a kubeconfig', async () => {
    const container = await Container.start(image('movie'), [
      ...restricted,
      '--env=REGISTRY_URL=kubernetes:',
      '--env=KUBECONFIG=/etc/hostname',
    ]);
    await untilEqual(async () => (await container.get('/readyz'))?.status, 503);
    await untilEqual(
      async () => (await container.logs()).includes('the kubeconfig /etc/hostname cannot be used'),
      true,
    );
  });

  it('goes as one archive to what loads it into a cluster', () => {
    const args = ['-C', root, '--no-print-directory', 'load-images', `VERSION=${version}`];
    const output = execFileSync('make', [...args, 'IMAGE_LOADER=tar tf'], { encoding: 'utf8' });
    expect(output.match(/^manifest\.json$/gm)).toHaveLength(1);
    for (const service of services) expect(output).toContain(`${image(service)} loaded`);
  });
});

/** The files of a service's migrations, as they are to be in its image; movie has none. */
function migrationsOf(service: string): { mode: string; owner: string; name: string }[] {
  const folder = path.join(root, 'services', service, 'src/migrations');
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).sort();
  return [
    { mode: 'drwxr-xr-x', owner: '0/0', name: 'app/migrations/' },
    ...files.map((file) => ({
      mode: '-rw-r--r--',
      owner: '0/0',
      name: `app/migrations/${file}`,
    })),
  ];
}

/** What is in an image, by `docker export`. */
async function listFiles(name: string): Promise<{ mode: string; owner: string; name: string }[]> {
  const id = (await docker(['create', '--network=none', name])).trim();
  try {
    const client = process.env['DOCKER'] ?? 'docker';
    const list = await run('sh', ['-c', `${client} export ${id} | tar tvf - --numeric-owner`]);
    return list
      .trim()
      .split('\n')
      .map((line) => {
        const [mode = '', owner = '', , , , file = ''] = line.split(/\s+/);
        return { mode, owner, name: file };
      });
  } finally {
    await docker(['rm', '--force', id]);
  }
}
