import { isNewer, isOlder } from './resource-version';

it.each([
  ['10', '9', true, false],
  ['9', '10', false, true],
  ['10', '10', false, false],
  // More digits than a number can hold.
  ['100000000000000000000000000000002', '100000000000000000000000000000001', true, false],
  ['99999999999999999999', '100000000000000000000', false, true],
  // No order is known: it is another one, and so it may well be newer.
  ['b-7', 'b-6', true, false],
  ['b-6', 'b-7', true, false],
  ['7', 'b-6', true, false],
  ['b-6', '7', true, false],
  ['b-6', 'b-6', false, false],
  ['-1', '5', true, false],
])('version %s against %s: newer %s, older %s', (candidate, known, newer, older) => {
  expect([isNewer(candidate, known), isOlder(candidate, known)]).toEqual([newer, older]);
});
