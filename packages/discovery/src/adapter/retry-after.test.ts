import { parseRetryAfter } from './retry-after';

it.each([
  [undefined, undefined],
  ['0', 0],
  ['120', 120_000],
  ['Thu, 01 Jan 1970 00:01:40 GMT', 90_000],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
  ['soon', undefined],
  ['-1', undefined],
  ['1.5', undefined],
  ['2026-01-01', undefined],
  ['Someday, not now', undefined],
  ['', undefined],
])('reads Retry-After: %s, ten seconds after the epoch', (header, ms) => {
  expect(parseRetryAfter(header, 10_000)).toBe(ms);
});
