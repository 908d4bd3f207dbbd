import { systemClock } from './clock';

describe('systemClock', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('waits longer than one timer of Node can', () => {
    const ran: string[] = [];
    const hours = 3_600_000;
    systemClock.schedule(1000 * hours, () => ran.push('late'));
    jest.advanceTimersByTime(1000 * hours - 1);
    expect(ran).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(ran).toEqual(['late']);
  });

  it('can be cancelled in the second timer too, twice', () => {
    const ran: string[] = [];
    const cancel = systemClock.schedule(2 ** 32, () => ran.push('late'));
    jest.advanceTimersByTime(2 ** 31 + 1000);
    cancel();
    cancel();
    jest.advanceTimersByTime(2 ** 33);
    expect([ran, jest.getTimerCount()]).toEqual([[], 0]);
  });

  it('never runs what waits for ever, and keeps no timer for it', () => {
    systemClock.schedule(Infinity, () => undefined)();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('refuses a time that is none', () => {
    for (const ms of [NaN, 'soon', undefined]) {
      expect(() => systemClock.schedule(ms as number, () => undefined)).toThrow(RangeError);
    }
  });
});
