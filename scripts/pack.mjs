// Packs the library as npm tarballs: what leaves the house is JavaScript with types, since Node strips no types
// under node_modules. Inside, `exports` stay on the sources, and nothing needs a build step.
//
//   npm run pack [-- FOLDER]     into FOLDER, by default dist; prints the files
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The packages that leave, and which of their doors stay at home. */
const leaving = { time: [], discovery: [], 'service-client': ['./testing'] };

const root = path.resolve(import.meta.dirname, '..');
const target = path.resolve(process.argv[2] ?? path.join(root, 'dist'));
const work = mkdtempSync(path.join(tmpdir(), 'movies-pack-'));

try {
  const { engines } = readJson('package.json');
  const packages = Object.entries(leaving).map(([folder, staying]) => {
    const manifest = readJson('packages', folder, 'package.json');
    const doors = Object.entries(manifest.exports).filter(([door]) => !staying.includes(door));
    return { folder, manifest, doors };
  });
  compile(
    packages.flatMap(({ folder, doors }) =>
      doors.map(([, source]) => path.join(root, 'packages', folder, source)),
    ),
  );
  mkdirSync(target, { recursive: true });
  for (const { folder, manifest, doors } of packages) {
    const staged = path.join(work, folder);
    cpSync(path.join(work, 'out', folder, 'src'), path.join(staged, 'dist'), { recursive: true });
    cpSync(path.join(root, 'packages', folder, 'README.md'), path.join(staged, 'README.md'));
    cpSync(path.join(root, 'LICENSE'), path.join(staged, 'LICENSE'));
    writeJson(path.join(staged, 'package.json'), packedManifest(manifest, doors, engines));
    const tarball = run('npm', ['pack', '--pack-destination', target], staged, 'pipe');
    console.log(path.relative(process.cwd(), path.join(target, tarball.trim())));
  }
} finally {
  rmSync(work, { recursive: true });
}

/** Compiles the doors and what they reach, so that nothing else is packed: no tests, and no fakes but those behind a door. */
function compile(files) {
  const config = path.join(work, 'tsconfig.json');
  writeJson(config, {
    extends: path.join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      rootDir: path.join(root, 'packages'),
      outDir: path.join(work, 'out'),
      typeRoots: [path.join(root, 'node_modules/@types')],
    },
    files,
    include: [],
  });
  run('tsc', ['--project', config], root, 'inherit');
}

/** The manifest of the sources with its doors on what was compiled, and nothing that only the workspace needs. */
function packedManifest(manifest, doors, engines) {
  const exports = Object.fromEntries(
    doors.map(([door, source]) => {
      const stem = source.replace(/^\.\/src\/(.*)\.ts$/, './dist/$1');
      return [door, { types: `${stem}.d.ts`, default: `${stem}.js` }];
    }),
  );
  return {
    ...manifest,
    private: undefined,
    devDependencies: undefined,
    engines,
    // For tools that do not know `exports`.
    main: exports['.'].default,
    types: exports['.'].types,
    exports: { ...exports, './package.json': './package.json' },
    dependencies: Object.fromEntries(
      Object.entries(manifest.dependencies ?? {}).map(([name, version]) => [
        name,
        // Fixes of others must reach whoever installs this; the packages that leave together stay together.
        name.startsWith('@movies/') ? version : `^${version}`,
      ]),
    ),
  };
}

function run(file, args, cwd, stdout) {
  const stdio = ['ignore', stdout, 'inherit'];
  return execFileSync(file, args, { cwd, stdio, encoding: 'utf8', timeout: 120_000 });
}

function readJson(...names) {
  return JSON.parse(readFileSync(path.join(root, ...names), 'utf8'));
}

function writeJson(file, value) {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}
