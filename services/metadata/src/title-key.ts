/** A key is cut here, as a title is: with an id it then fits into a row of any index, and into a cursor. */
const maxLength = 500;

/**
 * What titles are ordered and found by: `Amélie` and `AMELIE ` are the same. Decomposed (NFKD) without
 * combining marks, in lower case, white space collapsed; then composed again, or a Korean title would be
 * three times as long.
 */
export function titleKey(title: string): string {
  const key = title
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .trim()
    .normalize('NFC');
  return key.slice(0, maxLength).replace(/[\ud800-\udbff]$/, '');
}
