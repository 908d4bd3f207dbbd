import { drawTwo, isBetter } from './balancer';
import { seededRandom } from '../testing/seeded-random';

function host(weight: number, losses: number) {
  return { weight, inFlight: 0, state: { losses } };
}

describe('drawTwo', () => {
  it('draws every pair equally often', () => {
    const random = seededRandom(1);
    const counts = new Map<string, number>();
    for (let i = 0; i < 12_000; i += 1) {
      const pair = drawTwo(4, random).join();
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    expect(counts.size).toBe(12);
    expect(Math.min(...counts.values())).toBeGreaterThan(900);
    expect(Math.max(...counts.values())).toBeLessThan(1100);
  });

  it.each([
    { draws: [0, 0], pair: [0, 1] },
    { draws: [0, 1 - 2 ** -53], pair: [0, 3] },
    { draws: [1 - 2 ** -53, 1 - 2 ** -53], pair: [3, 2] },
    { draws: [0.25, 0], pair: [1, 0] },
    { draws: [0.25, 0.34], pair: [1, 2] },
  ])('draws $pair of four for $draws', ({ draws, pair }) => {
    const left = [...draws];
    expect(drawTwo(4, () => left.shift() ?? 0)).toEqual(pair);
  });

  it('draws nothing where there is no choice', () => {
    const random = jest.fn(() => 0.5);
    expect([drawTwo(0, random), drawTwo(1, random)]).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(random).not.toHaveBeenCalled();
  });
});

describe('isBetter', () => {
  it.each([
    { a: 10, b: 20, weights: [1, 1], better: true },
    { a: 20, b: 10, weights: [1, 1], better: false },
    { a: 20, b: 10, weights: [3, 1], better: true },
    { a: 31, b: 10, weights: [3, 1], better: false },
    { a: 10, b: 20, weights: [1, 3], better: false },
  ])('costs of $a and $b at the weights $weights: $better', ({ a, b, weights, better }) => {
    const [one = 1, other = 1] = weights;
    expect(isBetter(host(one, 0), a, host(other, 0), b)).toBe(better);
  });

  it('of equal costs prefers the one that lost more often for its weight', () => {
    expect(isBetter(host(1, 2), 5, host(1, 3), 5)).toBe(false);
    expect(isBetter(host(1, 3), 5, host(1, 2), 5)).toBe(true);
    expect(isBetter(host(1, 2), 5, host(3, 0), 5)).toBe(false);
    expect(isBetter(host(1, 3), 5, host(3, 0), 5)).toBe(true);
  });

  it('of two that are equal in all prefers the first', () => {
    expect(isBetter(host(1, 0), 5, host(1, 0), 5)).toBe(true);
  });
});
