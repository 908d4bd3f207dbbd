import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from '../cluster/run';

/** A tar archive of one file, to be unpacked at the root of a container. */
export async function syncArchive(destination: string, content: string): Promise<Buffer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'movies-sync-'));
  const file = path.relative('/', destination);
  try {
    await mkdir(path.join(folder, 'files', path.dirname(file)), { recursive: true });
    await writeFile(path.join(folder, 'files', file), content);
    const tar = path.join(folder, 'sync.tar');
    await run('tar', ['cf', tar, '-C', path.join(folder, 'files'), file]);
    return await readFile(tar);
  } finally {
    await rm(folder, { recursive: true });
  }
}
