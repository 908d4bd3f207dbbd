import { none } from 'stream-chain/defs.js';
import gen from 'stream-chain/gen.js';
import { jsonParser } from 'stream-json/parser.js';
import { streamArray } from 'stream-json/streamers/stream-array.js';
import { CatalogueError } from './catalogue-error';
import type { SourceRecord } from './source-record';
import { splitLines } from './split-lines';

/**
 * The elements of one JSON array, each as soon as it is complete. Throws `catalogue_broken` where the array is
 * no JSON, or an element has more bytes than it may have: where the next one begins is then not known.
 */
export async function* readJsonArray(
  chunks: AsyncIterable<Buffer>,
  maxBytes: number,
): AsyncGenerator<SourceRecord> {
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  const elements = gen(jsonParser({ streamValues: false }), streamArray());
  let count = 0;
  let bytes = 0;
  let lastLine = 1;
  const broken = (cause: unknown) =>
    new CatalogueError(
      'catalogue_broken',
      `the JSON array is broken at line ${lastLine}, behind record ${count}: ${(cause as Error).message}`,
      { cause },
    );
  // Line by line, so that whatever comes out, or goes wrong, is known to be there.
  for await (const { bytes: part, line } of splitLines(chunks)) {
    lastLine = line;
    bytes += part.length;
    for (const value of await parse(() => utf8.decode(part, { stream: true }))) {
      count += 1;
      bytes = 0;
      yield { at: `record ${count}, line ${line}`, value };
    }
    if (bytes > maxBytes) throw broken(new Error(`a record is longer than ${maxBytes} bytes`));
  }
  await parse(() => {
    utf8.decode();
    return none;
  });

  /** The elements that are complete with this text. */
  async function parse(next: () => string | typeof none): Promise<unknown[]> {
    try {
      const values: unknown[] = [];
      for await (const { value } of elements(next() as string)) values.push(value);
      return values;
    } catch (error: unknown) {
      throw broken(error);
    }
  }
}
