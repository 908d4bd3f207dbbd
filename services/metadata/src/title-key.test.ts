import { titleKey } from './title-key';

it.each([
  ['Metropolis', 'metropolis'],
  ['  Cléo  de 5\tà\u00A07 ', 'cleo de 5 a 7'],
  ['Ａｋｉｒａ', 'akira'],
  ['İSTANBUL', 'istanbul'],
  ['ﬁn', 'fin'],
  ['\u{1F3AC}', '\u{1F3AC}'],
  ['', ''],
])('makes %p %p', (title, key) => {
  expect(titleKey(title)).toBe(key);
});

it('is the same for the same title in another form', () => {
  expect(titleKey('Cle\u0301o')).toBe(titleKey('Cl\u00E9o'));
});

it('is no longer than an index takes, and ends with a whole character', () => {
  expect(titleKey('ﷺ'.repeat(500))).toHaveLength(500);
  expect(titleKey(`${'x'.repeat(499)}\u{1F3AC}`)).toBe('x'.repeat(499));
});
