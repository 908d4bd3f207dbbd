// Bundles a service as one CommonJS file with a source map beside it; JSON that it imports is inlined.
//
//   node scripts/bundle.mjs metadata FOLDER     writes FOLDER/main.js, FOLDER/main.js.map, and its migrations, if it has any
import { existsSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { decode, encode } from '@jridgewell/sourcemap-codec';
import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');
const [service, folder] = process.argv.slice(2);
if (service === undefined || folder === undefined) {
  throw new Error('two arguments are needed: the service, and the folder to write to');
}

const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: [`services/${service}/src/main.ts`],
  // As if it were written there, so that a stack trace names the files as the repository does.
  outfile: path.join(root, 'main.js'),
  write: false,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node24',
  sourcemap: true,
  sourcesContent: false,
  external: [
    // A whole PostgreSQL, for laptops: what a pod writes into itself is gone with it.
    '@electric-sql/pglite',
    // What pg would do without JavaScript, and on Cloudflare.
    'pg-native',
    'pg-cloudflare',
  ],
  logLevel: 'warning',
});

await mkdir(folder, { recursive: true });
for (const { path: file, text } of outputFiles) {
  const content = file.endsWith('.map') ? withoutDependencies(text) : text;
  await writeFile(path.join(folder, path.basename(file)), content);
}

// Read at the start from beside main.js, as in the sources from beside the file that names them.
const migrations = path.join(root, 'services', service, 'src/migrations');
if (existsSync(migrations))
  await cp(migrations, path.join(folder, 'migrations'), { recursive: true });

/**
 * A map of our own sources. Node parses the whole of it for the first stack trace and keeps it: with the dependencies
 * that takes 77 MB. Their frames lead into the bundle, which is not minified, so that they can be read there.
 */
function withoutDependencies(text) {
  const map = JSON.parse(text);
  const isOurs = map.sources.map((source) => !source.includes('node_modules/'));
  const newIndex = isOurs.map((_, index) => isOurs.slice(0, index).filter(Boolean).length);
  let wasOurs = false;
  const lines = decode(map.mappings).map((line) =>
    line.flatMap(([column, source, ...place]) => {
      const ends = wasOurs && !isOurs[source];
      wasOurs = isOurs[source] ?? false;
      if (wasOurs) return [[column, newIndex[source], ...place]];
      // A segment of one number says that what follows has no source.
      return ends ? [[column]] : [];
    }),
  );
  const sources = map.sources.filter((_, index) => isOurs[index]);
  return JSON.stringify({ ...map, sources, mappings: encode(lines) });
}
