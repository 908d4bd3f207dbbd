import * as fc from 'fast-check';
import { titleKey } from './title-key';

it.each([
  ['Amélie', 'amelie'],
  ['Ame\u0301lie', 'amelie'],
  ['  The\tGodfather \u00a0 Part  II ', 'the godfather part ii'],
  ['Ⅷ ½ ﬁlm', 'viii 1⁄2 film'],
  ['İSTANBUL', 'istanbul'],
  ['기생충', '기생충'],
  ['七人の侍', '七人の侍'],
  ['\u0301', ''],
])('of %j is %j', (title, key) => {
  expect(titleKey(title)).toBe(key);
});

it('is at most 500 characters, and ends on a whole one', () => {
  expect(titleKey('x'.repeat(501))).toBe('x'.repeat(500));
  expect(titleKey(`${'x'.repeat(499)}🎬`)).toBe('x'.repeat(499));
  // One character that decomposes into eighteen.
  expect(titleKey('\ufdfa'.repeat(500))).toHaveLength(500);
});

it('of a key is that key', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (title) => {
      expect(titleKey(titleKey(title))).toBe(titleKey(title));
    }),
    { numRuns: 1000 },
  );
});
