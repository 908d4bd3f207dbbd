import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { renderCombinations, renderedFile } from './combinations';

/** Before the first test file: each would take seconds for rendering all of it again. */
// eslint-disable-next-line no-restricted-syntax -- jest asks for a default export.
export default async function renderOnce(): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'movies-manifests-'));
  process.env[renderedFile] = path.join(directory, 'rendered.json');
  await writeFile(process.env[renderedFile], JSON.stringify(await renderCombinations()));
}
