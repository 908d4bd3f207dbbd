import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from './elsewhere';

/** The TypeScript examples under a heading of a README. */
export async function examplesUnder(heading: string, file: string): Promise<string[]> {
  const text = await readFile(path.join(root, file), 'utf8');
  const section = text.split(/^## /m).find((each) => each.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^```ts\n(.*?)^```/gms)].map(([, example = '']) => example);
}

/** The first of them. */
export async function exampleUnder(heading: string, file: string): Promise<string> {
  const [first = ''] = await examplesUnder(heading, file);
  return first;
}
