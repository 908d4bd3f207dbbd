import { extraColumns, isBetter, type Column } from './columns';

const p99: Column = { title: 'p99', of: () => null, digits: 1, better: 'less', within: 2 };

describe('one value is better than another one', () => {
  it.each([
    ['by more than noise', 10, 20, true],
    ['not by less than the column allows', 3, 4.9, false],
    ['not by less than 10 %', 950, 1000, false],
    ['not by being worse', 20, 10, false],
    ['if the other one is none', 10, null, true],
    ['not if it is none itself', null, 10, false],
    ['not if both are none', null, null, false],
  ])('%s', (_, one, other, expected) => {
    expect(isBetter(p99, one, other)).toBe(expected);
  });

  it('by more where more is better', () => {
    expect(isBetter(extraColumns['answered a second'], 220, 110)).toBe(true);
    expect(isBetter(extraColumns['answered a second'], 110, 220)).toBe(false);
  });

  it('never where clients do not compete', () => {
    expect(isBetter(extraColumns['marked share'], 0, 1)).toBe(false);
  });
});
