import { execFile } from 'node:child_process';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { isKubeObject, type KubeObject } from './kube-object';

const run = promisify(execFile);

/** The repository's k8s folder. */
export const manifests = path.resolve(__dirname, '../../k8s');

/** What `kubectl kustomize` makes of a folder: text, as it would be applied. */
async function renderText(folder: string): Promise<string> {
  const options = { timeout: 60_000, maxBuffer: 16 * 1024 * 1024 };
  const { stdout } = await run('kubectl', ['kustomize', folder], options);
  return stdout;
}

/** A folder of k8s/ with components on top, in its own namespace or another. */
export async function renderTextWith(
  folder: string,
  components: readonly string[],
  namespace?: string,
): Promise<string> {
  if (components.length === 0 && namespace === undefined) {
    return renderText(path.join(manifests, folder));
  }
  // Kustomize takes relative paths only, and follows symbolic links first.
  const directory = await mkdtemp(path.join(await realpath(tmpdir()), 'movies-manifests-'));
  const here = (name: string) => path.relative(directory, path.join(manifests, name));
  const kustomization = {
    namespace: namespace ?? 'movies',
    resources: [here(folder)],
    components: components.map((name) => here(`components/${name}`)),
  };
  try {
    await writeFile(path.join(directory, 'kustomization.yaml'), JSON.stringify(kustomization));
    return await renderText(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

export function parseObjects(text: string): readonly KubeObject[] {
  return parseAllDocuments(text).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    const object: unknown = document.toJS();
    if (!isKubeObject(object)) throw new Error(`not an object: ${document.toString()}`);
    return object;
  });
}
