import { seededRandom } from '../testing/seeded-random';
import { attemptInTurn, describeBalancer, hostsOf } from '../testing/balancer.contract';
import { RoundRobin } from './round-robin';

describeBalancer(() => new RoundRobin(), { isConstant: false });

function pick(weights: readonly number[], picks: number, seed = 1): number[] {
  const balancer = new RoundRobin();
  const hosts = hostsOf(balancer, weights);
  const random = seededRandom(seed);
  return Array.from({ length: picks }, () => balancer.pick(hosts, random));
}

it('picks every host once before it picks one for the second time', () => {
  for (let seed = 0; seed < 20; seed += 1) {
    const picked = pick([1, 1, 1, 1, 1], 15, seed);
    for (const turn of [0, 5, 10]) {
      expect(picked.slice(turn, turn + 5).sort()).toEqual([0, 1, 2, 3, 4]);
    }
  }
});

it('is exact: of ten attempts, weights 1, 4 and 5 get 1, 4 and 5', () => {
  const balancer = new RoundRobin();
  expect(attemptInTurn(balancer, hostsOf(balancer, [1, 4, 5]), 1000)).toEqual([100, 400, 500]);
});

it('spreads each turn by weight: of every six attempts the weights 4, 1 and 1 get 4, 1 and 1', () => {
  const picked = pick([4, 1, 1], 600);
  for (let turn = 0; turn < 600; turn += 6) {
    expect(picked.slice(turn, turn + 6).sort()).toEqual([0, 0, 0, 0, 1, 2]);
  }
});

it('begins with another host in each client', () => {
  const first = Array.from({ length: 50 }, (_, seed) => pick([1, 1, 1], 1, seed)[0]);
  expect(new Set(first)).toEqual(new Set([0, 1, 2]));
});

it('goes on where it was when one of the hosts is gone', () => {
  const balancer = new RoundRobin();
  const hosts = hostsOf(balancer, [1, 1, 1]);
  attemptInTurn(balancer, hosts, 100);
  expect(
    attemptInTurn(balancer, hosts.slice(1), 100).map((count) => Math.abs(count - 50) <= 1),
  ).toEqual([true, true]);
  expect(attemptInTurn(balancer, hosts, 300).map((count) => Math.abs(count - 100) <= 2)).toEqual([
    true,
    true,
    true,
  ]);
});
