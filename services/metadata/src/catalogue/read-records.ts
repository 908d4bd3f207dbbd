import { readJsonArray } from './read-json-array';
import { readJsonLines } from './read-json-lines';
import type { SourceRecord } from './source-record';

/** Many times what a film may have; a record that is longer is not read whole. */
const maxRecordBytes = 1024 * 1024;

const byteOrderMark = Buffer.from('\ufeff');
const squareBracket = 0x5b;

/** The records of a catalogue, which is a JSON array if it begins as one, and JSON Lines if not. */
export async function* readRecords(
  chunks: AsyncIterable<Buffer, unknown>,
  maxBytes = maxRecordBytes,
): AsyncGenerator<SourceRecord> {
  const source = chunks[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  let isAtEnd = false;
  try {
    while (!isAtEnd && firstByte(head) === undefined && head.length <= maxBytes) {
      const next = await source.next();
      if (next.done === true) isAtEnd = true;
      else head = Buffer.concat([head, next.value]);
    }
    const read = firstByte(head) === squareBracket ? readJsonArray : readJsonLines;
    yield* read(headAndRest(), maxBytes);
  } finally {
    await source.return?.();
  }

  async function* headAndRest(): AsyncGenerator<Buffer> {
    yield head;
    for (let next = await source.next(); next.done !== true; next = await source.next()) {
      yield next.value;
    }
  }
}

/** The first that is no white space, and none of a byte order mark. */
function firstByte(head: Buffer): number | undefined {
  return head.find((byte, index) => byte > 0x20 && byte !== byteOrderMark[index]);
}
