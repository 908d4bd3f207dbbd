import { checkDuration, checkPeriod } from './check-duration';

describe('checkDuration', () => {
  it.each([0, 1, 2 ** 40, Infinity, undefined])('takes %p', (ms) => {
    checkDuration('idleMs', ms);
  });

  it.each(['5000', null, true, []])('refuses %j, which is no number', (ms) => {
    expect(() => {
      checkDuration('idleMs', ms as unknown as number);
    }).toThrow("'idleMs' is a time in milliseconds");
  });

  it.each([-1, NaN, -Infinity])('refuses %p, naming it', (ms) => {
    expect(() => {
      checkDuration('idleMs', ms);
    }).toThrow(`'idleMs' is a time in milliseconds, 0 or more, and not ${ms}`);
  });
});

describe('checkPeriod', () => {
  it.each([0.5, 1, Infinity, undefined])('takes %p', (ms) => {
    checkPeriod('idleMs', ms);
  });

  it.each([0, -1, NaN, '5000'])('refuses %p, naming it', (ms) => {
    expect(() => {
      checkPeriod('idleMs', ms as number);
    }).toThrow("'idleMs' is a time in milliseconds, more than 0, and not");
  });
});
