import fc from 'fast-check';
import type { KubeFailureKind } from '../api-server/kube-failure';
import {
  advance,
  begin,
  type ReflectorCommand,
  type ReflectorInput,
  type ReflectorSurroundings,
} from './reflector-machine';

const day = 24 * 3_600_000;
const kinds: readonly KubeFailureKind[] = [
  'expired',
  'garbled',
  'lost',
  'refused',
  'silent',
  'unreachable',
];

/** Numbers in [0, 1) that a seed decides (mulberry32): a day takes too many for fast-check to keep. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Storm {
  readonly seed: number;
  /** How much of each kind of failure there is; their sum and `good` are all that happens. */
  readonly weights: readonly number[];
  readonly good: number;
  /** What an answer takes at most. */
  readonly answerMs: number;
}

const storm: fc.Arbitrary<Storm> = fc.record({
  seed: fc.integer(),
  weights: fc.array(fc.constantFrom(0, 0, 1, 5), { minLength: 6, maxLength: 6 }),
  good: fc.constantFrom(0, 1, 5),
  answerMs: fc.constantFrom(0, 1, 50, 3000),
});

/** What comes of a command; several things of a watch. */
function happen(
  command: ReflectorCommand,
  { weights, good }: Storm,
  random: () => number,
): ReflectorInput[] {
  if (command.do === 'wait') return [{ type: 'waited' }];
  const begun: ReflectorInput[] =
    command.do === 'watch' && random() < 0.7
      ? [{ type: 'opened' }, ...(random() < 0.5 ? [{ type: 'heard', version: '9' } as const] : [])]
      : [];
  let drawn = random() * (good + weights.reduce((sum, weight) => sum + weight, 0));
  for (const [i, weight] of weights.entries()) {
    drawn -= weight;
    const kind = kinds[i];
    if (drawn >= 0 || kind === undefined) continue;
    const retryAfterMs = random() < 0.2 ? random() * 3000 : undefined;
    return [...begun, { type: 'failed', failure: { kind, retryAfterMs } }];
  }
  return command.do === 'list'
    ? [{ type: 'listed', version: '8' }]
    : [...begun, { type: 'closed' }];
}

/** When lists were begun in a day of it, and how many watches were. */
function simulate(storm: Storm) {
  const random = randomFrom(storm.seed);
  const surroundings = (now: number): ReflectorSurroundings => ({ now, random });
  let now = 0;
  let [state, command] = begin(surroundings(now));
  const lists: number[] = [];
  let watches = 0;
  for (let steps = 0; now < day && steps < 200_000; steps += 1) {
    if (command === undefined) throw new Error('nothing is to be done any more');
    if (command.do === 'list') lists.push(now);
    if (command.do === 'watch') watches += 1;
    const inputs = happen(command, storm, random);
    now += command.do === 'wait' ? command.ms : 0;
    for (const input of inputs) {
      if (input.type !== 'waited') now += random() * storm.answerMs;
      [state, command] = advance(state, input, surroundings(now));
    }
  }
  return { lists, watches, now };
}

test('no storm of a day makes it list twice within a second, or ask more than once a second for long', () => {
  fc.assert(
    fc.property(storm, (each) => {
      const { lists, watches, now } = simulate(each);
      const gaps = lists.slice(1).map((at, i) => at - (lists[i] ?? 0));
      expect(Math.min(Infinity, ...gaps.slice(0, 50_000))).toBeGreaterThanOrEqual(1000 - 1e-6);
      // Nothing but failures, and closes at once: the back-off has to hold.
      const calls = lists.length + watches;
      expect(calls).toBeLessThanOrEqual(20 + now / 1000);
    }),
    { numRuns: 60 },
  );
});
