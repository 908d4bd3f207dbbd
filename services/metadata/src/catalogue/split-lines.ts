/** A stretch of one line, as it came; its newline, if it has one, is the last byte. */
export interface LinePart {
  readonly bytes: Buffer;
  /** From 1. */
  readonly line: number;
  readonly endsLine: boolean;
}

/** Cuts a stream at its newlines, keeping nothing: a long line comes in parts. The last one ends with the stream. */
export async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<LinePart> {
  let line = 1;
  let isOpen = false;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      yield { bytes: chunk.subarray(start, end + 1), line, endsLine: true };
      line += 1;
      start = end + 1;
    }
    isOpen = start < chunk.length || (isOpen && start === 0);
    if (start < chunk.length) yield { bytes: chunk.subarray(start), line, endsLine: false };
  }
  if (isOpen) yield { bytes: Buffer.alloc(0), line, endsLine: true };
}
