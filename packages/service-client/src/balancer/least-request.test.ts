import { seededRandom } from '../testing/seeded-random';
import {
  attemptInTurn,
  describeBalancer,
  hostsOf,
  type TestHost,
} from '../testing/balancer.contract';
import { LeastRequest, type Losses } from './least-request';

describeBalancer(() => new LeastRequest(), { isConstant: true });

function open(inFlight: readonly number[], weights = inFlight.map(() => 1)) {
  const balancer = new LeastRequest();
  const hosts: TestHost<Losses>[] = hostsOf(balancer, weights);
  hosts.forEach((host, i) => {
    host.inFlight = inFlight[i] ?? 0;
  });
  return { balancer, hosts };
}

it('of two hosts picks the one with fewer attempts under way', () => {
  const random = seededRandom(1);
  const { balancer, hosts } = open([3, 2]);
  expect(Array.from({ length: 20 }, () => balancer.pick(hosts, random))).toEqual(
    Array.from({ length: 20 }, () => 1),
  );
});

it.each([
  { inFlight: [2, 7], weights: [1, 3], picked: 1 },
  { inFlight: [1, 8], weights: [1, 3], picked: 0 },
])(
  'measures attempts under way by the weight: $inFlight at $weights',
  ({ inFlight, weights, picked }) => {
    const { balancer, hosts } = open(inFlight, weights);
    // (2 + 1) / 1 is as much as (8 + 1) / 3: one attempt less decides.
    expect(balancer.pick(hosts, seededRandom(1))).toBe(picked);
  },
);

it('of two that are equal picks by turns', () => {
  const { balancer, hosts } = open([0, 0]);
  expect(attemptInTurn(balancer, hosts, 20)).toEqual([10, 10]);
});

it('of the weights 1 and 3 lets the lighter one wait three turns, idle or busy', () => {
  for (const inFlight of [0, 5]) {
    const { balancer, hosts } = open([inFlight, inFlight], [1, 3]);
    expect(attemptInTurn(balancer, hosts, 400)).toEqual([100, 300]);
  }
});

it('takes no account of the time that a host takes', () => {
  const { balancer, hosts } = open([0, 0]);
  expect(attemptInTurn(balancer, hosts, 20, (index) => 10 ** (3 * index))).toEqual([10, 10]);
});

it('scores a host by its attempts, the next one among them', () => {
  const { balancer, hosts } = open([0, 4]);
  expect(hosts.map((host) => balancer.score(host))).toEqual([1, 5]);
});

it('counts the comparisons that a host lost since its last attempt', () => {
  const { balancer, hosts } = open([0, 1]);
  const random = seededRandom(1);
  for (let i = 0; i < 5; i += 1) balancer.pick(hosts, random);
  expect(hosts.map(({ state }) => state.losses)).toEqual([0, 5]);
  const [, other] = hosts;
  if (other !== undefined) balancer.started(other);
  expect(hosts.map(({ state }) => state.losses)).toEqual([0, 0]);
});
