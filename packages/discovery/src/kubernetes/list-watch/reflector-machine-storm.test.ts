import fc from 'fast-check';
import { ManualClock } from '@movies/time/testing';
import { RetryDelay } from '../../adapter/retry-delay';
import type { FailureKind } from '../../adapter/source-failure';
import {
  advance,
  begin,
  progress,
  type ReflectorCommand,
  type ReflectorInput,
} from './reflector-machine';

const day = 24 * 3_600_000;
const kinds: readonly FailureKind[] = [
  'expired',
  'malformed',
  'lost',
  'refused',
  'silent',
  'unreachable',
];

const answers: readonly FailureKind[] = ['expired', 'malformed', 'refused'];

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
  /** How much of the time the server goes back. */
  readonly back: number;
  /** How much of the time it is too busy. */
  readonly busy: number;
  /** How many watches have an event before they end. */
  readonly events: number;
  /** What a response takes at most. */
  readonly responseMs: number;
}

const storm: fc.Arbitrary<Storm> = fc.record({
  seed: fc.integer(),
  weights: fc.array(fc.constantFrom(0, 0, 1, 5), { minLength: 6, maxLength: 6 }),
  good: fc.constantFrom(0, 1, 5),
  back: fc.constantFrom(0, 0, 1),
  busy: fc.constantFrom(0, 0, 1, 5),
  events: fc.constantFrom(0, 0.1, 0.5),
  responseMs: fc.constantFrom(0, 1, 50, 3000),
});

/** How a command ends. */
function happen(
  command: ReflectorCommand,
  { weights, good, back, busy }: Storm,
  random: () => number,
): ReflectorInput {
  let drawn = random() * (good + back + busy + weights.reduce((sum, weight) => sum + weight, 0));
  for (const [i, weight] of weights.entries()) {
    drawn -= weight;
    const kind = kinds[i];
    if (drawn < 0 && kind !== undefined) return { type: 'failed', kind };
  }
  if (drawn < back) return { type: 'went back' };
  if (drawn < back + busy) return { type: 'busy' };
  return command.do === 'list' ? { type: 'listed', version: '8' } : { type: 'closed' };
}

/** When lists were begun in a day of it, and how many watches ended with and without an event. */
function simulate(storm: Storm) {
  const random = randomFrom(storm.seed);
  const clock = new ManualClock(0);
  const retry = new RetryDelay({ clock, random });
  let { state, command } = begin(0);
  const lists: number[] = [];
  const watches = { served: 0, vain: 0 };
  for (let steps = 0; clock.now() < day && steps < 200_000; steps += 1) {
    clock.stall(Math.max(0, command.notBefore - clock.now()));
    const beganAt = clock.now();
    const hasEvent = command.do === 'watch' && random() < storm.events;
    if (command.do === 'list') lists.push(beganAt);
    else if (hasEvent) watches.served += 1;
    else watches.vain += 1;
    if (hasEvent) state = progress(state, '9');
    const input = happen(command, storm, random);
    clock.stall(random() * storm.responseMs);
    const now = clock.now();
    const step = advance(state, input, { beganAt, now, random });
    ({ state, command } = step);
    const isFailure = !step.isPrompt || input.type === 'failed' || input.type === 'went back';
    if (!isFailure) retry.succeeded(beganAt);
    else {
      const isAnswer = input.type !== 'failed' || answers.includes(input.kind);
      const retryAfterMs = step.isPrompt ? 1 : undefined;
      clock.stall(retry.next({ isAnswer, retryAfterMs }, now - beganAt));
    }
  }
  return { lists, watches, now: clock.now() };
}

test('no storm of a day makes it list twice within a second, or ask in vain more than once a second for long', () => {
  fc.assert(
    fc.property(storm, (each) => {
      const { lists, watches, now } = simulate(each);
      const gaps = lists.slice(1).map((at, i) => at - (lists[i] ?? 0));
      expect(Math.min(Infinity, ...gaps.slice(0, 50_000))).toBeGreaterThanOrEqual(1000 - 1e-6);
      // The back-off has to hold, and a watch that served is begun again soon, whatever ended it.
      expect(lists.length + watches.vain).toBeLessThanOrEqual(20 + now / 1000 + watches.served);
      expect(watches.served).toBeLessThanOrEqual(20 + now / 100);
    }),
    { numRuns: 60 },
  );
});
