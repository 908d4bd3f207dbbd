import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { addAbortSignal } from 'node:stream';
import { CatalogueError } from './catalogue-error';

export interface OpenedCatalogue {
  readonly chunks: AsyncIterable<Buffer>;
  /** In bytes; `undefined` where it is not known before the end. */
  readonly size: number | undefined;
  /** How many bytes have been read. */
  readonly position: () => number;
}

/**
 * Opens a file, or `input` for `-`. Aborting the signal ends the reading. Throws `catalogue_unreadable`, and so
 * do the chunks.
 */
export async function openCatalogue(
  name: string,
  input: Readable,
  signal: AbortSignal,
): Promise<OpenedCatalogue> {
  const { source, size } = name === '-' ? { source: input, size: undefined } : await openFile(name);
  let position = 0;
  addAbortSignal(signal, source);
  async function* chunks(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of source) {
        position += (chunk as Buffer).length;
        yield chunk as Buffer;
      }
    } catch (error: unknown) {
      throw signal.aborted ? error : unreadable(name, error);
    }
  }
  return { chunks: chunks(), size, position: () => position };
}

async function openFile(name: string): Promise<{ source: Readable; size: number | undefined }> {
  try {
    const file = await open(name);
    const stat = await file.stat();
    // A pipe or a device has no size, and a folder fails when it is read.
    return { source: file.createReadStream(), size: stat.isFile() ? stat.size : undefined };
  } catch (error: unknown) {
    throw unreadable(name, error);
  }
}

function unreadable(name: string, cause: unknown): CatalogueError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const what = name === '-' ? 'standard input' : `the catalogue ${name}`;
  const why = code === 'ENOENT' ? 'there is no such file' : message;
  return new CatalogueError('catalogue_unreadable', `${what} cannot be read: ${why}`, { cause });
}
