import { buildSync } from 'esbuild';
import path from 'node:path';
import type { ClientRow } from './client-rows';

/** Below the folder from which the peers are found. */
const outdir = path.join(__dirname, 'node_modules/.cache/scenarios');

/** The path of a script once it is built. */
export function builtPath(script: string): string {
  return path.join(outdir, `${script}.js`);
}

/** Bundles the scripts of these rows, so that no process of a run compiles TypeScript. */
export function buildScripts(rows: readonly ClientRow[]): void {
  const scripts = new Set(rows.flatMap(({ client, backend }) => [client, backend]));
  buildSync({
    entryPoints: [...scripts].map((script) => ({
      in: path.join(__dirname, `${script}.ts`),
      out: script,
    })),
    outdir,
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'cjs',
    external: ['undici', '@grpc/grpc-js', 'cockatiel', 'moleculer'],
    logLevel: 'warning',
  });
}
