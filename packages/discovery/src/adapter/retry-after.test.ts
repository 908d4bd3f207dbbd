import { parseRetryAfter } from './retry-after';

const now = Date.parse('2026-01-01T00:00:00Z');

it.each([
  [undefined, undefined],
  ['0', 0],
  ['7', 7000],
  ['Thu, 01 Jan 2026 00:00:05 GMT', 5000],
  ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
  ['soon', undefined],
  ['', undefined],
])('reads %j as %s ms', (header, expected) => {
  expect(parseRetryAfter(header, now)).toBe(expected);
});
