import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin, SourceMap, type SourceMapPayload } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(__dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'movies-bundle-'));
const read = (file: string) => readFileSync(path.join(folder, file), 'utf8');

beforeAll(() => {
  const { status, stderr } = node(['scripts/bundle.mjs', 'metadata', folder], root);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

it('is one file and its source map, and the migrations', () => {
  expect(readdirSync(folder)).toEqual(['main.js', 'main.js.map', 'migrations']);
  const migrations = 'services/metadata/src/migrations';
  expect(readdirSync(path.join(folder, 'migrations'))).toEqual(
    readdirSync(path.join(root, migrations)),
  );
});

it('asks for nothing that it does not hold but Node, and what a pod does without', () => {
  const asked = [...read('main.js').matchAll(/\b(?:require|import)\("([^"]+)"\)/g)].map(
    ([, name = '']) => name,
  );
  expect(asked.length).toBeGreaterThan(10);
  expect(new Set(asked.filter((name) => !isBuiltin(name)))).toEqual(
    new Set([
      // A PostgreSQL of its own, and other ways to speak to one.
      '@electric-sql/pglite',
      '@electric-sql/pglite/contrib/pg_trgm',
      'pg-native',
      'pg-cloudflare',
    ]),
  );
});

it('holds no language of zod but English: the parser would pay for the others at each start', () => {
  const locales = [...read('main.js').matchAll(/zod\/v4\/locales\/(\w+)\.js$/gm)];
  expect(locales.map(([, locale]) => locale)).toEqual(['en']);
});

it('holds the JSON that it imports', () => {
  expect(read('main.js')).toContain('Metropolis');
});

it('names our file and line in a stack trace', () => {
  // Prints a trace where the service reads its arguments.
  const trap = path.join(folder, 'trap.cjs');
  writeFileSync(
    trap,
    `const { argv } = process;
     Object.defineProperty(process, 'argv', { get() { console.log(new Error('here').stack); return argv; } });`,
  );
  const { stdout } = node(['--enable-source-maps', '-r', trap, 'main.js', '--help'], folder);
  const file = 'packages/http-service/src/run-process.ts';
  const source = readFileSync(path.join(root, file), 'utf8').split('\n');
  const line = source.findIndex((text) => text.includes('process.argv')) + 1;
  expect(stdout).toContain(`${file}:${line}:`);
  expect(stdout).toContain('services/metadata/src/main.ts:');
});

it('has a map of our files alone, since all of it is kept in memory', () => {
  const payload = JSON.parse(read('main.js.map')) as SourceMapPayload;
  expect(payload.sources).toContain('services/metadata/src/sample-movies.ts');
  expect(payload.sources.filter((file) => !/^(packages|services)\//.test(file))).toEqual([]);
});

it('maps each section of ours to its file, and those of dependencies to nothing', () => {
  const map = new SourceMap(JSON.parse(read('main.js.map')) as SourceMapPayload);
  const lines = read('main.js').split('\n');
  // Before each section stands the file that it was.
  const sections = lines.flatMap((text, line) => {
    const file = /^ *\/\/ ((?:node_modules|packages|services)\/\S+\.(?:[cm]?js|ts))$/.exec(
      text,
    )?.[1];
    return file === undefined ? [] : [{ file, line }];
  });
  const mapped = sections.map(({ line }) => {
    const entry = map.findEntry(line + 1, lines[line + 1]?.length ?? 0);
    return 'originalSource' in entry ? entry.originalSource : undefined;
  });
  expect(mapped.filter(Boolean).length).toBeGreaterThan(50);
  expect(mapped).toEqual(
    sections.map(({ file }) => (file.includes('node_modules/') ? undefined : file)),
  );
});

it('says what it needs when it is not told', () => {
  const { status, stderr } = node(['scripts/bundle.mjs'], root);
  expect(status).toBe(1);
  expect(stderr).toContain('two arguments are needed');
});

function node(args: readonly string[], cwd: string) {
  return spawnSync(process.execPath, args, { cwd, encoding: 'utf8', timeout: 30_000 });
}
