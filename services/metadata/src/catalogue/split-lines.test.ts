import * as fc from 'fast-check';
import { splitLines } from './split-lines';

async function linesOf(...chunks: string[]): Promise<string[]> {
  const lines: string[] = [];
  let text = '';
  async function* bytes() {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  for await (const { bytes: part, line, endsLine } of splitLines(bytes())) {
    text += part.toString();
    if (!endsLine) continue;
    expect(line).toBe(lines.length + 1);
    lines.push(text);
    text = '';
  }
  expect(text).toBe('');
  return lines;
}

it('gives each line with its newline, and the last one without', async () => {
  expect(await linesOf('a\nb\r\n\nc')).toEqual(['a\n', 'b\r\n', '\n', 'c']);
  expect(await linesOf('a\n')).toEqual(['a\n']);
  expect(await linesOf()).toEqual([]);
  expect(await linesOf('')).toEqual([]);
});

it('gives the same lines however the stream is cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('a', '\n', 'a\n', '\nb', '', 'a\nb\n')),
      async (chunks) => {
        expect(await linesOf(...chunks)).toEqual(await linesOf(chunks.join('')));
      },
    ),
  );
});
