import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { Elsewhere, root } from './elsewhere';

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, unknown>>;
}

const elsewhere = new Elsewhere();

beforeAll(() => elsewhere.install(), 150_000);

afterAll(() => elsewhere.close());

const installed = (name: string) => `node_modules/@movies/${name}`;

async function readManifest(file: string): Promise<Manifest> {
  return JSON.parse(await readFile(file, 'utf8')) as Manifest;
}

/** The folder has fakes for the tests of this repository elsewhere; here it is an entry point. */
const clocks = ['index', 'manual-clock', 'scaled-clock', 'until'].map((name) => `testing/${name}`);

it.each([
  ['time', clocks],
  ['discovery', []],
  ['service-client', []],
])('%s is its sources compiled, without tests and fakes, and nothing else', async (name, more) => {
  const sources = await readdir(path.join(root, 'packages', name, 'src'), { recursive: true });
  const compiled = sources
    .filter((file) => file.endsWith('.ts') && !/\.test\.ts$|(^|\/)testing\//.test(file))
    .map((file) => file.replace(/\.ts$/, ''))
    .concat(more)
    .flatMap((file) => [`dist/${file}.js`, `dist/${file}.d.ts`]);
  expect(await elsewhere.files(installed(name))).toEqual(
    ['LICENSE', 'README.md', 'package.json', ...compiled].sort(),
  );
});

it('installing them brings undici and yaml, and nothing else', async () => {
  const names = async (folder: string) =>
    (await readdir(path.join(elsewhere.folder, folder))).filter((name) => !name.startsWith('.'));
  expect(await names('node_modules')).toEqual(['@movies', 'undici', 'yaml']);
  expect(await names('node_modules/@movies')).toEqual(['discovery', 'service-client', 'time']);
});

it('the manifest of discovery names time and undici, and vendors as optional peers', async () => {
  const source = await readManifest(path.join(root, 'packages/discovery/package.json'));
  const { exports: doors, ...fields } = await readManifest(
    path.join(elsewhere.folder, installed('discovery'), 'package.json'),
  );
  expect(Object.keys(doors)).toEqual([...Object.keys(source.exports), './package.json']);
  expect(fields).toEqual({
    name: '@movies/discovery',
    version: source.version,
    description: expect.any(String) as string,
    keywords: expect.arrayContaining(['service-discovery']) as string[],
    license: 'MIT',
    engines: { node: '>=22.19' },
    sideEffects: false,
    main: './dist/index.js',
    types: './dist/index.d.ts',
    dependencies: {
      '@movies/time': source.version,
      undici: `^${source.dependencies['undici'] ?? ''}`,
      yaml: `^${source.dependencies['yaml'] ?? ''}`,
    },
  });
});

it('the manifest of service-client names discovery and time in their very version, and grpc-js as an optional peer', async () => {
  const source = await readManifest(path.join(root, 'packages/service-client/package.json'));
  const file = path.join(elsewhere.folder, installed('service-client'), 'package.json');
  expect(await readManifest(file)).toEqual({
    name: '@movies/service-client',
    version: source.version,
    description: expect.any(String) as string,
    keywords: expect.arrayContaining(['service-discovery']) as string[],
    license: 'MIT',
    engines: { node: '>=22.19' },
    sideEffects: false,
    main: './dist/index.js',
    types: './dist/index.d.ts',
    exports: {
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
      './grpc': {
        types: './dist/grpc/register-discovery.d.ts',
        default: './dist/grpc/register-discovery.js',
      },
      './package.json': './package.json',
    },
    dependencies: {
      '@movies/discovery': source.version,
      '@movies/time': source.version,
      undici: `^${source.dependencies['undici'] ?? ''}`,
    },
    peerDependencies: { '@grpc/grpc-js': '~1.14.0' },
    peerDependenciesMeta: { '@grpc/grpc-js': { optional: true } },
  });
});

it('without grpc-js the HTTP client loads, and the entry point for gRPC says what is missing', async () => {
  await elsewhere.write('http.mjs', "import '@movies/service-client';");
  expect(await elsewhere.node('http.mjs')).toBe('');
  await elsewhere.write('grpc.mjs', "import '@movies/service-client/grpc';");
  await expect(elsewhere.node('grpc.mjs')).rejects.toThrow("Cannot find module '@grpc/grpc-js'");
});

describe.each(['time', 'discovery', 'service-client'])('in %s', (name) => {
  it('no file names a source map or the folders it was built in', async () => {
    const files = await elsewhere.files(installed(name));
    const texts = await Promise.all(files.map((file) => elsewhere.read(installed(name), file)));
    const built = /sourceMappingURL|movies-pack-/;
    expect(texts.filter((text) => text.includes(root) || built.test(text))).toEqual([]);
  });

  it('the README leads nowhere outside', async () => {
    const readme = await elsewhere.read(installed(name), 'README.md');
    const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]*)/g)].map(([, link = '']) => link);
    const folder = path.join(elsewhere.folder, installed(name));
    expect(links.filter((link) => !existsSync(path.join(folder, link)))).toEqual([]);
  });
});
