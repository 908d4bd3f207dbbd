import type { AttemptOutcome } from './attempt';
import { seededRandom } from './testing/seeded-random';
import { attemptAt, idleOptions, instanceOf } from './testing/idle-hosts';
import { HostSet } from './host-set';

interface Behaviour {
  readonly outcome: AttemptOutcome;
  readonly latencyMs: number;
}

interface Load {
  /** What each instance does, by id. */
  readonly behaviours: Readonly<Record<string, Behaviour>>;
  readonly picks: number;
  /** Time between two picks. */
  readonly everyMs: number;
}

const fast = { outcome: 'ok', latencyMs: 10 } as const;

/** The share of first attempts that each instance gets, by id. */
async function shares({ behaviours, picks, everyMs }: Load): Promise<Map<string, number>> {
  const random = seededRandom(7);
  const options = idleOptions(random);
  const { clock } = options;
  const set = new HostSet(options);
  set.update(Object.keys(behaviours).map((id) => instanceOf(id)));
  const result = new Map<string, number>();
  for (let i = 0; i < picks; i++) {
    const host = set.pick([]);
    if (host === undefined) throw new Error('nothing to pick');
    const { id } = host.instance;
    const { outcome, latencyMs } = behaviours[id] ?? fast;
    result.set(id, (result.get(id) ?? 0) + 1 / picks);
    host.start();
    const durationMs = latencyMs * (0.8 + 0.4 * random());
    clock.schedule(durationMs, () => {
      set.finish(host, attemptAt(host, outcome, durationMs));
    });
    await clock.advance(everyMs);
  }
  return result;
}

function nineFastAnd(tenth: Behaviour): Record<string, Behaviour> {
  const nine = Array.from({ length: 9 }, (_, i) => [`fast-${i}`, fast] as const);
  return { ...Object.fromEntries(nine), tenth };
}

const slow = { outcome: 'ok', latencyMs: 100 } as const;

test.each([
  ['600 calls a second', 1000 / 600],
  ['60 calls a second', 1000 / 60],
  ['one call after the other', 150],
])('at %s one of ten that is 10× slower gets at most 1.5 %%', async (_load, everyMs) => {
  const load = { behaviours: nineFastAnd(slow), picks: 5000, everyMs };
  expect((await shares(load)).get('tenth')).toBeLessThanOrEqual(0.015);
});

test('one of ten that is overloaded, and says so fast, does not draw the calls', async () => {
  const overloaded = { outcome: 'overloaded', latencyMs: 1 } as const;
  const load = { behaviours: nineFastAnd(overloaded), picks: 5000, everyMs: 2 };
  expect((await shares(load)).get('tenth')).toBeLessThanOrEqual(0.01);
});

test('two of three that fail fast do not draw the calls, though only one may be set aside', async () => {
  const failing = { outcome: 'unavailable', latencyMs: 1 } as const;
  const behaviours = { a: failing, b: failing, c: fast };
  const load = { behaviours, picks: 2000, everyMs: 20 };
  expect((await shares(load)).get('c')).toBeGreaterThan(0.95);
});

test('two of three that refuse do not draw the calls, though only one may be set aside', async () => {
  const refusing = { outcome: 'refused', latencyMs: 0 } as const;
  const behaviours = { a: refusing, b: refusing, c: fast };
  const load = { behaviours, picks: 2000, everyMs: 20 };
  expect((await shares(load)).get('c')).toBeGreaterThan(0.95);
});

test('one of two that hangs does not draw the calls of callers that give up', async () => {
  const hanging = { outcome: 'aborted', latencyMs: 200 } as const;
  const load = { behaviours: { a: hanging, b: fast }, picks: 2000, everyMs: 20 };
  expect((await shares(load)).get('b')).toBeGreaterThan(0.95);
});
