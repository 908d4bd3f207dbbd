import { Backoff } from './backoff';

const largest = () => 1;

function take(count: number, backoff: Backoff, capMs?: number): number[] {
  return Array.from({ length: count }, () => backoff.next(capMs));
}

describe('Backoff', () => {
  it('doubles the bound of its delays up to the largest', () => {
    const backoff = new Backoff({ initialMs: 1000, maxMs: 10_000, random: largest });
    expect(take(6, backoff)).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
  });

  it('draws each delay evenly between zero and its bound', () => {
    const draws = [0, 0.5, 0.25];
    const backoff = new Backoff({
      initialMs: 1000,
      maxMs: 10_000,
      random: () => draws.shift() ?? 1,
    });
    expect(take(4, backoff)).toEqual([0, 1000, 1000, 8000]);
  });

  it('bounds one delay further by a cap', () => {
    const backoff = new Backoff({ initialMs: 1000, maxMs: 60_000, random: largest });
    expect(take(5, backoff, 5000)).toEqual([1000, 2000, 4000, 5000, 5000]);
  });

  it('begins anew after a reset', () => {
    const backoff = new Backoff({ initialMs: 1000, maxMs: 10_000, random: largest });
    take(3, backoff);
    backoff.reset();
    expect(take(2, backoff)).toEqual([1000, 2000]);
  });

  it('stays at the largest for as long as failures go on', () => {
    const backoff = new Backoff({ initialMs: 1000, maxMs: 10_000, random: largest });
    expect(new Set(take(5000, backoff).slice(4))).toEqual(new Set([10_000]));
  });
});
