import type { FailureKind } from '../../adapter/source-failure';
import {
  advance,
  begin,
  progress,
  type ReflectorCommand,
  type ReflectorInput,
  type ReflectorStep,
} from './reflector-machine';

const failed = (kind: FailureKind): ReflectorInput => ({ type: 'failed', kind });
const listed = (version: string): ReflectorInput => ({ type: 'listed', version });
const closed: ReflectorInput = { type: 'closed' };
const busy: ReflectorInput = { type: 'busy' };

/** The machine under a clock and a die that the test holds. */
class Machine {
  now = 1_000_000;
  random = 0.5;
  #step: ReflectorStep = begin(this.now);

  get command(): ReflectorCommand {
    return this.#step.command;
  }

  /** How long the machine itself wants to wait; `undefined` if it leaves that to the back-off. */
  get waitMs(): number | undefined {
    return this.#step.isPrompt ? this.command.notBefore - this.now : undefined;
  }

  /** What the next request is. */
  get next(): string {
    const { command } = this;
    if (command.do === 'watch') return `watch ${command.version}`;
    if (typeof command.read === 'string') return `list ${command.read}`;
    return `list not older than ${command.read.notOlderThan}`;
  }

  /** Begins the command as soon as it may, has an event in it if one is given, and ends it `afterMs` later. */
  end(input: ReflectorInput, { afterMs = 10, event }: { afterMs?: number; event?: string } = {}) {
    this.now = Math.max(this.now, this.command.notBefore);
    const beganAt = this.now;
    this.now += afterMs;
    const { state } = this.#step;
    this.#step = advance(event === undefined ? state : progress(state, event), input, {
      beganAt,
      now: this.now,
      random: () => this.random,
    });
    return this.next;
  }
}

/** One whose first list had version 7. */
function watching(): Machine {
  const machine = new Machine();
  machine.end(listed('7'));
  return machine;
}

describe('the usual course', () => {
  it('begins with a list of any version that the cache has, at once', () => {
    const machine = new Machine();
    expect([machine.next, machine.waitMs]).toEqual(['list any', 0]);
  });

  it.each([
    [0, 240],
    [0.5, 265],
    [0.999_999, 290],
  ])('watches from the version of the list, for 240 to 290 s (%d)', (random, timeoutSeconds) => {
    const machine = new Machine();
    machine.random = random;
    expect(machine.end(listed('7'), { afterMs: 1 })).toBe('watch 7');
    expect(machine.command).toMatchObject({ timeoutSeconds });
    expect(machine.waitMs).toBe(0);
  });

  it('watches again at once, from the last version seen, each time that a watch is closed', () => {
    const machine = watching();
    for (let i = 0; i < 350; i += 1) {
      const version = String(100 + i);
      expect(machine.end(closed, { afterMs: 250_000, event: version })).toBe(`watch ${version}`);
      expect(machine.waitMs).toBe(0);
    }
  });

  it('watches again at once though a watch was short, if it had an event', () => {
    const machine = watching();
    for (let i = 0; i < 20; i += 1) {
      const version = String(100 + i);
      expect(machine.end(closed, { afterMs: 1500, event: version })).toBe(`watch ${version}`);
      expect(machine.waitMs).toBe(0);
    }
  });

  it('begins no more than ten watches a second however short they are', () => {
    const machine = watching();
    machine.end(closed, { afterMs: 1, event: '8' });
    expect(machine.waitMs).toBe(99);
  });
});

describe('a watch without an event', () => {
  it('is a failure if it ends within 2 s, and none later', () => {
    const machine = watching();
    machine.end(closed, { afterMs: 1999 });
    expect([machine.next, machine.waitMs]).toEqual(['watch 7', undefined]);
    machine.end(closed, { afterMs: 2000 });
    expect([machine.next, machine.waitMs]).toEqual(['watch 7', 0]);
  });

  it('is none if it had a bookmark, though not if that had the version of before and came at once', () => {
    const machine = watching();
    machine.end(closed, { afterMs: 1999, event: '7' });
    expect([machine.next, machine.waitMs]).toEqual(['watch 7', undefined]);
    for (let i = 0; i < 10; i += 1) {
      machine.end(closed, { afterMs: 60_000, event: '7' });
      expect([machine.next, machine.waitMs]).toEqual(['watch 7', 0]);
    }
  });

  it('leads to a list when it is the third in a row that is closed, since nothing confirms the set', () => {
    const machine = watching();
    const next = [0, 1, 2].map(() => machine.end(closed, { afterMs: 30_000 }));
    expect(next).toEqual(['watch 7', 'watch 7', 'list not older than 7']);
    machine.end(listed('8'));
    for (let i = 0; i < 3; i += 1) machine.end(closed, { afterMs: 30_000 });
    expect(machine.next).toBe('list not older than 8');
  });

  it.each([
    ['ends at once', closed],
    ['is refused', failed('refused')],
    ['is malformed', failed('malformed')],
  ])('that %s three times leads to a list, and the next time to a consistent one', (_, input) => {
    const machine = watching();
    const next = [0, 1, 2].map(() => machine.end(input));
    expect(next).toEqual(['watch 7', 'watch 7', 'list not older than 7']);
    machine.end(listed('7'));
    for (let i = 0; i < 3; i += 1) machine.end(input);
    expect(machine.next).toBe('list consistent');
    machine.end(listed('7'));
    // An event proves that the version serves again.
    machine.end(closed, { event: '8' });
    for (let i = 0; i < 3; i += 1) machine.end(input);
    expect(machine.next).toBe('list not older than 8');
  });

  it.each([
    ['is closed at once', closed],
    ['is refused', failed('refused')],
    ['is malformed', failed('malformed')],
  ])(
    'leads to a list the third time that it has a bookmark of the known version and %s',
    (_, end) => {
      const machine = watching();
      const endThrice = () => [0, 1, 2].map(() => machine.end(end, { afterMs: 100, event: '7' }));
      expect(endThrice()).toEqual(['watch 7', 'watch 7', 'list not older than 7']);
      machine.end(listed('7'));
      expect(endThrice()).toEqual(['watch 7', 'watch 7', 'list consistent']);
    },
  );

  it('leads to a list the third time that it has a bookmark of the known version and fails, however long it lived', () => {
    const machine = watching();
    const ends = [0, 1, 2].map(() =>
      machine.end(failed('refused'), { afterMs: 100_000, event: '7' }),
    );
    expect(ends).toEqual(['watch 7', 'watch 7', 'list not older than 7']);
  });

  it('that expires each time after a bookmark of the known version is backed off from', () => {
    const machine = watching();
    machine.end(failed('expired'), { event: '7' });
    machine.end(listed('7'));
    machine.end(failed('expired'), { event: '7' });
    expect([machine.next, machine.waitMs]).toEqual(['list consistent', undefined]);
  });

  it('that is silent leads to a list, and the next time to a consistent one', () => {
    const machine = watching();
    expect(machine.end(failed('silent'))).toBe('list not older than 7');
    machine.end(listed('7'));
    expect(machine.end(failed('silent'))).toBe('list consistent');
  });
});

describe('a server that is too busy', () => {
  it('is asked for the same after the back-off, and for something else the third time', () => {
    const machine = watching();
    const next = Array.from({ length: 9 }, () => [machine.end(busy), machine.waitMs]);
    const turns = ['watch 7', 'watch 7', 'list not older than 7'];
    const back = ['list not older than 7', 'list not older than 7', 'watch 7'];
    expect(next).toEqual([...turns, ...back, ...turns].map((each) => [each, undefined]));
  });

  it('is never asked for a consistent list, whatever it answers in between', () => {
    const machine = watching();
    for (let i = 0; i < 20; i += 1) {
      for (let n = 0; n < 3; n += 1) machine.end(busy);
      expect(machine.end(listed('7'))).toBe('watch 7');
    }
  });

  it('is asked for any version as long as there is none', () => {
    const machine = new Machine();
    const next = Array.from({ length: 7 }, () => machine.end(busy));
    expect(new Set(next)).toEqual(new Set(['list any']));
  });

  it('does not keep a consistent list that was due from being asked for', () => {
    const machine = watching();
    machine.end({ type: 'went back' });
    const next = [0, 1, 2].map(() => machine.end(busy));
    expect(next).toEqual(['list consistent', 'list consistent', 'watch 7']);
  });
});

describe('an event', () => {
  it('begins a new count of the watches that fail', () => {
    const machine = watching();
    for (let i = 0; i < 10; i += 1) {
      expect(machine.end(failed('refused'))).toMatch(/^watch/);
      expect(machine.end(failed('refused'))).toMatch(/^watch/);
      expect(machine.end(closed, { event: String(8 + i) })).toMatch(/^watch/);
    }
  });
});

describe.each(['lost', 'unreachable'] as const)('a watch that is %s', (kind) => {
  it('leads to a list from the cache each time, which confirms the set', () => {
    const machine = watching();
    for (let i = 0; i < 10; i += 1) {
      expect(machine.end(failed(kind), { afterMs: 60_000 })).toBe('list not older than 7');
      expect(machine.waitMs).toBeUndefined();
      expect(machine.end(listed('7'))).toBe('watch 7');
    }
  });
});

describe('a list that fails', () => {
  it('is asked for again as long as nobody can be reached', () => {
    const machine = new Machine();
    for (let i = 0; i < 20; i += 1) expect(machine.end(failed('unreachable'))).toBe('list any');
    machine.end(listed('7'));
    for (let i = 0; i < 20; i += 1) {
      expect(machine.end(failed('unreachable'))).toBe('list not older than 7');
    }
  });

  it.each(['refused', 'malformed', 'lost', 'silent'] as const)(
    'is replaced by another kind of list after three times: %s',
    (kind) => {
      const machine = new Machine();
      const next = Array.from({ length: 7 }, () => machine.end(failed(kind)));
      expect(next.filter((each, i) => each !== next[i - 1])).toEqual([
        'list any',
        'list consistent',
        'list any',
      ]);
    },
  );

  it('is replaced by a watch after each kind of list was refused three times, if there is a version', () => {
    const machine = watching();
    const next = Array.from({ length: 9 }, () => machine.end(failed('refused')));
    expect(next.filter((each, i) => each !== next[i - 1])).toEqual([
      'watch 7',
      'list not older than 7',
      'list consistent',
      'watch 7',
    ]);
  });

  it('leaves its wait to the back-off, but is begun no sooner than a second after the one before', () => {
    const machine = new Machine();
    machine.end(failed('refused'), { afterMs: 300 });
    expect(machine.waitMs).toBeUndefined();
    expect(machine.command.notBefore - machine.now).toBe(700);
  });
});

describe('a version that has expired', () => {
  it('leads to a list that is not older, within half a second and whatever failed before', () => {
    const machine = watching();
    machine.random = 1;
    for (let i = 0; i < 2; i += 1) machine.end(failed('refused'), { afterMs: 5000 });
    machine.end(failed('expired'), { afterMs: 5000 });
    expect([machine.next, machine.waitMs]).toEqual(['list not older than 7', 500]);
    expect(machine.end(listed('9'))).toBe('watch 9');
  });

  it('leads to it no sooner than a second after the list before', () => {
    const machine = watching();
    machine.random = 0;
    machine.end(failed('expired'), { afterMs: 290 });
    expect(machine.waitMs).toBe(700);
  });

  it('leads to it at once each time, if there was an event in between', () => {
    const machine = watching();
    for (let i = 0; i < 5; i += 1) {
      machine.end(failed('expired'), { afterMs: 5000, event: '9' });
      expect([machine.next, machine.waitMs]).toEqual(['list not older than 9', 250]);
      machine.end(listed('10'));
    }
  });

  it('leads to a consistent list, spread over 2 s more, if the server refuses that one too', () => {
    const machine = watching();
    machine.random = 1;
    machine.end(failed('expired'), { afterMs: 5000 });
    machine.end(failed('expired'), { afterMs: 1000 });
    expect([machine.next, machine.waitMs]).toEqual(['list consistent', 2000]);
  });

  it('leads to a consistent list, and is backed off from, when that list expires without an event', () => {
    const machine = watching();
    machine.end(failed('expired'), { afterMs: 5000 });
    machine.end(listed('8'));
    machine.end(failed('expired'));
    expect([machine.next, machine.waitMs]).toEqual(['list consistent', undefined]);
  });

  it('of a page of a consistent list leads to it again, and after three times to a list in one piece', () => {
    const machine = watching();
    machine.end({ type: 'went back' });
    const next = [0, 1, 2, 3].map(() => machine.end(failed('expired')));
    expect(next).toEqual([
      'list consistent',
      'list consistent',
      'watch 7',
      'list not older than 7',
    ]);
  });
});

it('lists consistently as soon as the server is seen to have gone back', () => {
  const machine = watching();
  machine.end({ type: 'went back' }, { afterMs: 5000 });
  expect([machine.next, machine.waitMs]).toEqual(['list consistent', 1000]);
  expect(machine.end(listed('3'))).toBe('watch 3');
  // Two servers of which one lags: the back-off bounds what that costs.
  machine.end({ type: 'went back' });
  expect([machine.next, machine.waitMs]).toEqual(['list consistent', undefined]);
});
