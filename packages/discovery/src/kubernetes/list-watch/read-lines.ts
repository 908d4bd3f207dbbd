/** A line that ends with the stream instead of a newline. */
export class HalfLineError extends Error {
  constructor() {
    super('the stream ended in the middle of a line');
  }
}

/** The lines of a stream, without their newlines; rejects on one that is too long, and with `HalfLineError`. */
export async function* readLines(
  chunks: AsyncIterable<Buffer>,
  maxLineBytes: number,
): AsyncGenerator<string> {
  // Parts of a line that has not ended; copied once, when it has.
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const rest = chunk.subarray(start, end);
      if (bytes + rest.length > maxLineBytes) throw tooLong(maxLineBytes);
      yield parts.length === 0
        ? rest.toString('utf8')
        : Buffer.concat([...parts, rest]).toString('utf8');
      parts = [];
      bytes = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    parts.push(chunk.subarray(start));
    bytes += chunk.length - start;
    if (bytes > maxLineBytes) throw tooLong(maxLineBytes);
  }
  if (bytes > 0) throw new HalfLineError();
}

function tooLong(maxLineBytes: number): RangeError {
  return new RangeError(`a line is longer than ${maxLineBytes} bytes`);
}
