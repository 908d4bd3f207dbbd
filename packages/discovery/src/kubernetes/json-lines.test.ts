import { HalfLineError, readLines } from './json-lines';

async function* chunksOf(...parts: readonly (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield Buffer.from(part);
}

async function linesOf(chunks: AsyncIterable<Buffer>, maxLineBytes = 100): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readLines(chunks, maxLineBytes)) lines.push(line);
  return lines;
}

describe('readLines', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['one line a chunk', ['a\n', 'b\n'], ['a', 'b']],
    ['several lines in a chunk', ['a\nb\nc\n'], ['a', 'b', 'c']],
    ['a line over several chunks', ['a', 'b', 'c\nd\n'], ['abc', 'd']],
    ['a newline in a chunk of its own', ['a', '\n', 'b', '\n'], ['a', 'b']],
    ['empty lines', ['\n\na\n'], ['', '', 'a']],
    ['an empty stream', [], []],
    ['an empty chunk', ['a', '', '\n'], ['a']],
  ])('reads %s', async (_, chunks, lines) => {
    expect(await linesOf(chunksOf(...chunks))).toEqual(lines);
  });

  it('joins a character that two chunks share', async () => {
    const bytes = Buffer.from('"Amélie ☕"\n');
    for (let cut = 1; cut < bytes.length; cut += 1) {
      const chunks = chunksOf(bytes.subarray(0, cut), bytes.subarray(cut));
      expect(await linesOf(chunks)).toEqual(['"Amélie ☕"']);
    }
  });

  it('refuses a stream that ends in the middle of a line, after the whole ones', async () => {
    const read: string[] = [];
    const reading = (async () => {
      for await (const line of readLines(chunksOf('a\nb'), 100)) read.push(line);
    })();
    await expect(reading).rejects.toBeInstanceOf(HalfLineError);
    expect(read).toEqual(['a']);
  });

  it('refuses a line that has no end, without waiting for one', async () => {
    const endless = (async function* () {
      for (;;) yield Buffer.alloc(60, 'x');
    })();
    await expect(linesOf(endless)).rejects.toThrow('a line is longer than 100 bytes');
  });

  it('gives up its source when the reader stops', async () => {
    let ended = false;
    const chunks = (async function* () {
      try {
        for (;;) yield Buffer.from('a\n');
      } finally {
        ended = true;
      }
    })();
    for await (const line of readLines(chunks, 100)) {
      expect(line).toBe('a');
      break;
    }
    expect(ended).toBe(true);
  });
});
