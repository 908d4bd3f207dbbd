import * as fc from 'fast-check';
import { compareCodePoints } from './compare-code-points';

it('puts a character beyond U+FFFF behind all others', () => {
  expect(['🎬', '\ufb01', 'b', 'a', ''].sort(compareCodePoints)).toEqual([
    '',
    'a',
    'b',
    '\ufb01',
    '🎬',
  ]);
});

it('orders as the bytes of UTF-8 do', () => {
  const text = fc.string({ unit: 'binary', maxLength: 10 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      const bytes = Buffer.compare(Buffer.from(a), Buffer.from(b));
      expect(Math.sign(compareCodePoints(a, b))).toBe(bytes);
    }),
    { numRuns: 1000 },
  );
});
