import { readLines } from './list-watch';

/** The lines of what comes in these chunks; how it ends, if badly, is the last. */
async function linesOf(
  chunks: readonly (string | Buffer)[],
  maxLineBytes = 100,
): Promise<unknown[]> {
  const stream = (async function* () {
    for (const chunk of chunks) yield Buffer.from(chunk);
  })();
  const lines: unknown[] = [];
  try {
    for await (const line of readLines(stream, maxLineBytes)) lines.push(line);
  } catch (error: unknown) {
    lines.push(error);
  }
  return lines;
}

it.each([
  ['a line in one chunk', ['{}\n'], ['{}']],
  ['several in one chunk', ['a\nb\nc\n'], ['a', 'b', 'c']],
  ['one over several chunks', ['a', 'b', 'c\n'], ['abc']],
  ['a newline of its own', ['ab', '\n', 'c\n'], ['ab', 'c']],
  ['the end of one and the start of the next', ['a', 'b\nc', 'd\n'], ['ab', 'cd']],
  ['empty lines', ['\n\na\n'], ['', '', 'a']],
  ['empty chunks', ['', 'a', '', '\n', ''], ['a']],
  ['nothing', [], []],
])('reads %s', async (_, chunks, lines) => {
  expect(await linesOf(chunks)).toEqual(lines);
});

it('reads the same wherever the stream is cut, inside a character too', async () => {
  const text = Buffer.from('{"name":"Zürich 東京 🎬"}\n{}\n');
  for (let i = 0; i <= text.length; i += 1) {
    const lines = await linesOf([text.subarray(0, i), text.subarray(i)]);
    expect(lines).toEqual(['{"name":"Zürich 東京 🎬"}', '{}']);
  }
  expect(await linesOf([...text].map((byte) => Buffer.from([byte])))).toHaveLength(2);
});

it('rejects half a line at the end, after the whole ones', async () => {
  expect(await linesOf(['a\nb'])).toEqual([
    'a',
    expect.objectContaining({ kind: 'lost', reason: 'half_line' }),
  ]);
});

it.each([
  ['in one chunk', ['1234567890\n', '12345678901\n']],
  ['over several', ['12345', '67890\n', '1234567890', '1\n']],
  ['before it has ended', ['1234567890\n', '123456', '789012']],
])('rejects a line longer than the limit, and none that is as long: %s', async (_, chunks) => {
  expect(await linesOf(chunks, 10)).toEqual([
    '1234567890',
    expect.objectContaining({
      kind: 'malformed',
      message: "the API server's response cannot be read: a line is longer than 10 bytes",
    }),
  ]);
});
