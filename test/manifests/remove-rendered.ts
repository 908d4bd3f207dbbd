import { rm } from 'node:fs/promises';
import path from 'node:path';
import { renderedFile } from './combinations';

/** After the last test file. */
// eslint-disable-next-line no-restricted-syntax -- jest asks for a default export.
export default async function removeRendered(): Promise<void> {
  const file = process.env[renderedFile];
  if (file !== undefined) await rm(path.dirname(file), { recursive: true });
}
