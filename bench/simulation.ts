import type { Balancer } from '../packages/service-client/src/balancer/balancer';
import { LeastRequest } from '../packages/service-client/src/balancer/least-request';
import { PeakEwma } from '../packages/service-client/src/balancer/peak-ewma';
import { RoundRobin } from '../packages/service-client/src/balancer/round-robin';
import {
  around,
  withOutliers,
  type Behaviour,
} from '../packages/service-client/src/testing/simulated-server';
import {
  Simulation,
  type SimulationOptions,
  type Stretch,
} from '../packages/service-client/src/testing/simulation';
import { median, table } from './table';

const policies: Readonly<Record<string, () => Balancer>> = {
  'round robin': () => new RoundRobin(),
  'least request': () => new LeastRequest(),
  'peak EWMA': () => new PeakEwma(),
};

const well: Behaviour = { ms: around(1.5) };
const hiccups: Behaviour = { ms: withOutliers(around(1.5), 0.01, around(50)) };
const slow: Behaviour = { ms: around(20) };

/** Two of p99 or of a share differ by chance: the figures are medians over so many seeds. */
const seeds = [1, 2, 3, 4, 5];

function times(count: number, behaviour: Behaviour): Behaviour[] {
  return Array.from({ length: count }, () => behaviour);
}

type Policy = () => Balancer;

/** A simulation that has run for three seconds, at 400 requests per second unless told otherwise. */
function open(
  policy: Policy,
  seed: number,
  options: Partial<SimulationOptions> & Pick<SimulationOptions, 'servers'>,
): Simulation {
  const client = () => ({ balancer: policy() });
  const simulation = new Simulation({ perSecond: 400, client, seed, ...options });
  simulation.run(3000);
  return simulation;
}

const percent = (share: number) => `${(100 * share).toFixed(share < 0.01 ? 2 : 1)} %`;

/**
 * How the balancers, outlier detection and the retry budget do in virtual time. `measured`: the same story with real
 * sockets, at 400 requests per second, where it was measured.
 */
export function measureSimulation(): string {
  return [
    'One slow instance: 20 ms, the others 1 to 2 ms',
    slowInstance(),
    '',
    'The same, well again: its share, 1 being the fair one',
    wellAgain(),
    '',
    'Failing instances, and all at once',
    failing(),
    '',
    'Ten of 10 ms with four slots each, one ten times slower, 600 requests per second by four clients, no retries',
    slots(),
  ].join('\n');
}

function slowInstance(): string {
  const measured: Readonly<Record<string, string>> = {
    'round robin 10': '10 %, 7 to 10 ×',
    'peak EWMA 10': '0.3 %, 1.3 ×',
  };
  const rows: string[][] = [];
  for (const servers of [2, 3, 10, 100, 1000, 5000]) {
    for (const [name, policy] of Object.entries(policies)) {
      // A comparison takes two of the hosts: a thousand of them need more requests until each is known.
      const load = servers >= 1000 ? { perSecond: 4 * servers } : {};
      const runMs = servers >= 1000 ? 5000 : 20_000;
      const run = (seed: number, odd: Behaviour, others: Behaviour) =>
        open(policy, seed, { servers: [odd, ...times(servers - 1, others)], ...load }).run(runMs);
      const few = servers >= 1000 ? seeds.slice(0, 1) : seeds;
      const plain = few.map((seed) => run(seed, slow, well));
      const base = few.map((seed) => run(seed, well, well));
      const noisy = few.map((seed) => run(seed, slow, hiccups));
      const p99 = median(plain.map((stretch) => stretch.quantileMs(0.99)));
      const healthyP99 = median(base.map((stretch) => stretch.quantileMs(0.99)));
      rows.push([
        name,
        String(servers),
        percent(median(plain.map((stretch) => stretch.share(0)))),
        (p99 / healthyP99).toFixed(1),
        percent(median(noisy.map((stretch) => stretch.share(0)))),
        measured[`${name} ${servers}`] ?? '',
      ]);
    }
  }
  const header = ['policy', 'of', 'share', 'p99 ÷ healthy', 'share if 1 % take 50 ms', 'measured'];
  return table(header, rows);
}

function wellAgain(): string {
  const rows: string[][] = [];
  for (const servers of [2, 3, 10, 100]) {
    for (const [name, policy] of Object.entries(policies)) {
      const stretches = seeds.map((seed) => {
        const simulation = open(policy, seed, { servers: [slow, ...times(servers - 1, well)] });
        simulation.run(10_000);
        simulation.behave(well);
        return [300, 700, 2000].map((forMs) => simulation.run(forMs));
      });
      const fairness = [0, 1, 2].map((index) =>
        median(stretches.map((each) => (each[index]?.share(0) ?? NaN) * servers)).toFixed(2),
      );
      rows.push([name, String(servers), ...fairness]);
    }
  }
  return table(['policy', 'of', '0 to 0.3 s', '0.3 to 1 s', '1 to 3 s'], rows);
}

interface Outcome {
  readonly during: Stretch;
  /** What the story is about, in words. */
  readonly figure: string;
}

interface Story {
  readonly name: string;
  readonly run: (policy: Policy, seed: number) => Outcome;
  readonly measured: string;
}

/** The share of the server that gets least, in words. */
function leastShareOf(stretch: Stretch, servers: number): string {
  const shares = Array.from({ length: servers }, (_, index) => stretch.share(index));
  return `least share later ${percent(Math.min(...shares))}`;
}

const stories: readonly Story[] = [
  {
    name: 'one of ten hangs',
    run: (policy, seed) => {
      const simulation = open(policy, seed, { servers: times(10, well) });
      simulation.behave({ ms: () => Infinity }, [0]);
      const during = simulation.run(5000);
      simulation.rest(3000);
      const late = during.latenciesMs.filter((ms) => ms > 500).length;
      return { during, figure: `${late} over 500 ms` };
    },
    measured: '2 over 500 ms, 0 failed',
  },
  {
    name: 'one of three refuses',
    run: (policy, seed) => {
      const simulation = open(policy, seed, { servers: times(3, well) });
      simulation.behave({ ms: () => 0, outcome: 'refused' }, [0]);
      const during = simulation.run(2000);
      simulation.behave(well);
      let backMs = 0;
      while (backMs < 10_000 && simulation.run(100).share(0) < 1 / 6) backMs += 100;
      return { during, figure: `half its share after ${(backMs / 1000).toFixed(1)} s` };
    },
    measured: '0 failed, 1.3 s',
  },
  {
    name: 'one of three says 500 at once',
    run: (policy, seed) => {
      const simulation = open(policy, seed, { servers: times(3, slow) });
      simulation.behave({ ms: around(1), outcome: 'failed' }, [0]);
      const during = simulation.run(8000);
      return { during, figure: `share ${percent(during.share(0))}` };
    },
    measured: '6 failed, share 0.2 %',
  },
  {
    name: 'all three say 503',
    run: (policy, seed) => {
      const simulation = open(policy, seed, { servers: times(3, well) });
      simulation.behave({ ms: around(1), outcome: 'unavailable' });
      const during = simulation.run(10_000);
      simulation.behave(well);
      simulation.run(5000);
      return { during, figure: leastShareOf(simulation.run(3000), 3) };
    },
    measured: 'amplification 1.25, least share 33 %',
  },
  {
    name: 'overload: 250/s of 400/s',
    run: (policy, seed) => {
      const fast: Behaviour = { ms: around(2), slots: 1 };
      const simulation = open(policy, seed, { servers: times(3, fast) });
      simulation.behave({ ms: around(12), slots: 1 });
      const during = simulation.run(6000);
      const answered = during.answeredAt.length / 6;
      const relievedAt = simulation.clock.now();
      simulation.behave(fast);
      const { lastFailureAt } = simulation.run(6000);
      const wellAfterMs = Math.max(0, lastFailureAt - relievedAt);
      return {
        during,
        figure: `${answered.toFixed(0)}/s, well after ${wellAfterMs.toFixed(0)} ms`,
      };
    },
    measured: '220/s, 800 ms',
  },
  {
    name: 'brown-out: all take 1.2 s, 100/s',
    run: (policy, seed) => {
      const simulation = open(policy, seed, { servers: times(3, well), perSecond: 100 });
      simulation.behave({ ms: () => 1200 });
      const during = simulation.run(6000);
      simulation.behave(well);
      simulation.run(3000);
      return { during, figure: leastShareOf(simulation.run(3000), 3) };
    },
    measured: '0 failed, amplification 1.49',
  },
  {
    name: 'one of eleven is new',
    run: (policy, seed) => {
      const simulation = new Simulation({
        servers: times(11, well),
        perSecond: 400,
        client: () => ({ balancer: policy() }),
        seed,
      });
      simulation.publish([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      simulation.run(3000);
      simulation.publish();
      const during = simulation.run(300);
      return { during, figure: `${(during.share(0) * 11).toFixed(2)} of its share in 0.3 s` };
    },
    measured: '',
  },
];

function failing(): string {
  const rows: string[][] = [];
  for (const { name, run, measured } of stories) {
    for (const [policyName, policy] of Object.entries(policies)) {
      const outcomes = seeds.map((seed) => run(policy, seed));
      const of = (measure: (stretch: Stretch) => number) =>
        median(outcomes.map(({ during }) => measure(during)));
      rows.push([
        name,
        policyName,
        `${of(({ failed }) => failed)} of ${of(({ requests }) => requests)}`,
        of(({ amplification }) => amplification).toFixed(2),
        outcomes[0]?.figure ?? '',
        policyName === 'peak EWMA' ? measured : '',
      ]);
    }
  }
  return table(['story', 'policy', 'failed', 'amplification', 'and', 'measured'], rows);
}

function slots(): string {
  const published: Readonly<Record<string, string>> = {
    'round robin': '10 %, 16,908 ms',
    'least request': '4.8 %, 160 ms',
    'peak EWMA': '0.2 %, 48 ms',
  };
  const ten = [{ ms: around(100), slots: 4 }, ...times(9, { ms: around(10), slots: 4 })];
  const rows = Object.entries(policies).map(([name, policy]) => {
    const stretches = seeds.map((seed) => {
      const simulation = new Simulation({
        servers: ten,
        perSecond: 600,
        clients: 4,
        arrivals: 'random',
        client: () => ({ balancer: policy(), deadlineMs: 60_000, maxAttempts: 1 }),
        seed,
      });
      const stretch = simulation.run(60_000);
      simulation.rest(60_000);
      return stretch;
    });
    const of = (measure: (stretch: Stretch) => number) => median(stretches.map(measure));
    return [
      name,
      percent(of((stretch) => stretch.share(0))),
      ...[0.5, 0.95, 0.99].map((share) => of((stretch) => stretch.quantileMs(share)).toFixed(0)),
      published[name] ?? '',
    ];
  });
  return table(['policy', 'share', 'p50 ms', 'p95 ms', 'p99 ms', 'another simulation'], rows);
}
