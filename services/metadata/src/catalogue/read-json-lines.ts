import { isUtf8 } from 'node:buffer';
import type { SourceRecord } from './source-record';
import { splitLines } from './split-lines';

/**
 * One record a line ([JSON Lines](https://jsonlines.org)); empty lines are passed over. A line that cannot be
 * used is one bad record: what is wrong is told, and the next line is read.
 */
export async function* readJsonLines(
  chunks: AsyncIterable<Buffer>,
  maxBytes: number,
): AsyncGenerator<SourceRecord> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of splitLines(chunks)) {
    bytes += part.bytes.length;
    // Of a line that is too long nothing is kept, however long it gets.
    if (bytes > maxBytes) parts = [];
    else parts.push(part.bytes);
    if (!part.endsLine) continue;
    const at = `line ${part.line}`;
    if (bytes > maxBytes) yield { at, fault: `is longer than ${maxBytes} bytes` };
    else yield* parse(Buffer.concat(parts), at);
    parts = [];
    bytes = 0;
  }
}

function* parse(bytes: Buffer, at: string): Generator<SourceRecord> {
  if (!isUtf8(bytes)) {
    yield { at, fault: 'is not UTF-8' };
    return;
  }
  // Of the byte order mark, too, which some editors put before the first line.
  const text = bytes.toString('utf8').trim();
  if (text === '') return;
  try {
    yield { at, value: JSON.parse(text) as unknown };
  } catch (error: unknown) {
    yield { at, fault: `is not JSON: ${(error as SyntaxError).message}` };
  }
}
