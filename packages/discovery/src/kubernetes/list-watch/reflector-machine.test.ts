import type { KubeFailure } from '../api-server/kube-failure';
import {
  advance,
  begin,
  type ReflectorCommand,
  type ReflectorInput,
  type ReflectorState,
} from './reflector-machine';

type Failure = Pick<KubeFailure, 'kind' | 'retryAfterMs'>;

const failed = (kind: Failure['kind'], retryAfterMs?: number): ReflectorInput => ({
  type: 'failed',
  failure: { kind, retryAfterMs },
});
const listed = (version: string): ReflectorInput => ({ type: 'listed', version });
const heard = (version: string): ReflectorInput => ({ type: 'heard', version });
const opened: ReflectorInput = { type: 'opened' };
const closed: ReflectorInput = { type: 'closed' };

/** The machine under a clock and a die that the test holds. */
class Machine {
  now = 1_000_000;
  random = 0.5;
  command: ReflectorCommand | undefined;
  #state: ReflectorState;

  constructor() {
    [this.#state, this.command] = begin(this.#surroundings);
  }

  /** Tells it what happened, `afterMs` after the last time. */
  tell(input: ReflectorInput, afterMs = 0): ReflectorCommand | undefined {
    this.now += afterMs;
    [this.#state, this.command] = advance(this.#state, input, this.#surroundings);
    return this.command;
  }

  /** Sits out what it wants to wait; the command after that. */
  wait(): ReflectorCommand | undefined {
    while (this.command?.do === 'wait') this.tell({ type: 'waited' }, this.command.ms);
    return this.command;
  }

  /** The wait that a failure leads to, which is then over. */
  waitOf(input: ReflectorInput): number {
    const command = this.tell(input);
    this.wait();
    if (command?.do !== 'wait') throw new Error(`no wait, but ${JSON.stringify(command)}`);
    return command.ms;
  }

  get #surroundings() {
    return { now: this.now, random: () => this.random };
  }
}

/** One whose watch from version 7 is open. */
function watching(): Machine {
  const machine = new Machine();
  machine.tell(listed('7'));
  machine.tell(opened);
  return machine;
}

const watchFrom = (version: string) =>
  expect.objectContaining({ do: 'watch', version }) as ReflectorCommand;
const consistentList: ReflectorCommand = { do: 'list', consistent: true };

describe('the usual course', () => {
  it('begins with a list that may come from the cache', () => {
    expect(new Machine().command).toEqual({ do: 'list', consistent: false });
  });

  it.each([
    [0, 240],
    [0.5, 265],
    [0.999_999, 290],
  ])('watches from the version of the list, for 240 to 290 s (%d)', (random, timeoutSeconds) => {
    const machine = new Machine();
    machine.random = random;
    expect(machine.tell(listed('7'))).toEqual({ do: 'watch', version: '7', timeoutSeconds });
  });

  it('watches again at once, from the last version heard, when a watch that lived is closed', () => {
    const machine = watching();
    machine.tell(heard('9'), 1000);
    expect(machine.tell(closed, 1000)).toEqual(watchFrom('9'));
  });

  it('does so every time, for a day', () => {
    const machine = watching();
    for (let i = 0; i < 350; i += 1) {
      expect(machine.tell(closed, 250_000)).toEqual(watchFrom('7'));
      machine.tell(opened);
    }
  });
});

describe('a watch that is closed within 2 s', () => {
  it('is an error, after which it is begun again from the same version', () => {
    const machine = watching();
    expect(machine.tell(closed, 1999)).toEqual({ do: 'wait', ms: 400 });
    expect(machine.wait()).toEqual(watchFrom('7'));
  });

  it('is judged from when it was opened, however long that took', () => {
    const machine = new Machine();
    machine.tell(listed('7'));
    machine.tell(opened, 9000);
    expect(machine.tell(closed, 10)).toEqual({ do: 'wait', ms: 400 });
  });

  it('leads to a consistent list when it is the third in a row', () => {
    const machine = watching();
    for (const next of [watchFrom('7'), watchFrom('7'), consistentList]) {
      machine.tell(opened);
      machine.tell(closed, 10);
      expect(machine.wait()).toEqual(next);
    }
  });

  it.each([
    ['something was heard', heard('8')],
    ['it was closed after 2 s', undefined],
  ])('begins a new count when %s', (_, input) => {
    const machine = watching();
    for (let i = 0; i < 10; i += 1) {
      if (i % 2 === 0) machine.tell(closed, 10);
      else if (input === undefined) machine.tell(closed, 2000);
      else machine.tell(input);
      expect(machine.wait()?.do).not.toBe('list');
      machine.tell(opened);
    }
  });
});

describe.each(['garbled', 'silent'] as const)('a watch that is %s', (kind) => {
  it('is begun again from the same version, and the third in a row leads to a consistent list', () => {
    const machine = watching();
    for (const next of [watchFrom('7'), watchFrom('7'), consistentList]) {
      machine.tell(failed(kind));
      expect(machine.wait()).toEqual(next);
      machine.tell(opened);
    }
    machine.tell(listed('8'));
    machine.tell(failed(kind));
    expect(machine.wait()).toEqual(watchFrom('8'));
  });
});

describe.each(['refused', 'unreachable', 'lost'] as const)('a failure of the kind %s', (kind) => {
  it('lets a watch be begun again from the last version, however often', () => {
    const machine = watching();
    for (let i = 0; i < 50; i += 1) {
      machine.tell(failed(kind));
      expect(machine.wait()).toEqual(watchFrom('7'));
    }
  });

  it('lets the first list be asked for again, of the cache', () => {
    const machine = new Machine();
    machine.tell(failed(kind), 10);
    expect(machine.wait()).toEqual({ do: 'list', consistent: false });
  });

  it('lets a consistent list be asked for again, consistent', () => {
    const machine = watching();
    machine.tell(failed('expired'));
    expect(machine.wait()).toEqual(consistentList);
    machine.tell(failed(kind));
    expect(machine.wait()).toEqual(consistentList);
  });
});

describe('a version that has expired', () => {
  it('leads to one consistent list, within half a second after a watch that lived', () => {
    const machine = watching();
    machine.random = 1;
    expect(machine.tell(failed('expired'), 5000)).toEqual({ do: 'wait', ms: 500 });
    expect(machine.wait()).toEqual(consistentList);
    expect(machine.tell(listed('9'))).toEqual(watchFrom('9'));
  });

  it('leads to it within a second also if the failures before had a long back-off', () => {
    const machine = watching();
    for (let i = 0; i < 10; i += 1) machine.waitOf(failed('refused'));
    machine.random = 1;
    machine.tell(failed('expired'));
    expect(machine.command).toEqual({ do: 'wait', ms: 500 });
  });

  it('leads to it after a second where the list before is as new as that', () => {
    const machine = watching();
    expect(machine.tell(failed('expired'), 300)).toEqual({ do: 'wait', ms: 700 });
    expect(machine.wait()).toEqual(consistentList);
  });

  it('leads to one at once each time, if something was heard in between', () => {
    const machine = watching();
    for (let i = 0; i < 5; i += 1) {
      machine.tell(failed('expired'), 5000);
      expect(machine.command).toEqual({ do: 'wait', ms: 250 });
      machine.wait();
      machine.tell(listed('8'));
      machine.tell(opened);
      machine.tell(heard('9'));
    }
  });

  it('is backed off from when the new one is expired too, and nothing was heard of it', () => {
    const machine = watching();
    machine.random = 1;
    const waits: number[] = [];
    for (let i = 0; i < 8; i += 1) {
      const began = machine.now;
      machine.tell(failed('expired'));
      expect(machine.wait()).toEqual(consistentList);
      waits.push(machine.now - began);
      machine.tell(listed('8'));
    }
    expect(waits).toEqual([1000, 1000, 1600, 3200, 6400, 12_800, 25_600, 30_000]);
  });
});

describe('the wait after a failure', () => {
  it.each([
    ['refused', [800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]],
    ['lost', [800, 1600, 3200, 5000, 5000, 5000]],
    ['silent', [800, 1600, 3200, 5000, 5000, 5000]],
    ['unreachable', [800, 1600, 3200, 5000, 5000, 5000]],
  ] as const)('is drawn from zero to a bound that doubles: %s', (kind, bounds) => {
    for (const random of [0, 0.25, 0.999]) {
      const machine = watching();
      machine.random = random;
      const waits = bounds.map(() => {
        machine.tell(opened);
        return machine.waitOf(failed(kind));
      });
      expect(waits).toEqual(bounds.map((bound) => bound * random));
    }
  });

  it.each(['lost', 'silent'] as const)(
    'is short each time that a connection which served is %s, as a balancer cuts one every minute',
    (kind) => {
      const machine = watching();
      machine.random = 1;
      for (let i = 0; i < 20; i += 1) {
        machine.tell(opened);
        machine.tell(heard('8'));
        machine.now += 60_000;
        expect(machine.waitOf(failed(kind))).toBe(800);
      }
    },
  );

  it('counts failures with an answer and without one apart', () => {
    const machine = watching();
    machine.random = 1;
    for (let i = 0; i < 20; i += 1) machine.waitOf(failed('unreachable'));
    expect(machine.waitOf(failed('refused'))).toBe(800);
    for (let i = 0; i < 20; i += 1) machine.waitOf(failed('refused'));
    expect(machine.waitOf(failed('unreachable'))).toBe(5000);
  });

  it('begins small again only after two minutes of health', () => {
    const machine = watching();
    machine.random = 1;
    for (let i = 0; i < 3; i += 1) machine.waitOf(failed('refused'));
    machine.tell(opened);
    machine.now += 119_999;
    expect(machine.waitOf(failed('refused'))).toBe(6400);
    machine.tell(opened);
    machine.now += 60_000;
    // A new watch after a clean close goes on being healthy.
    machine.tell(closed);
    machine.tell(opened);
    machine.now += 60_000;
    expect(machine.waitOf(failed('refused'))).toBe(800);
  });

  it('does not begin small after two minutes of which nothing was healthy', () => {
    const machine = watching();
    machine.random = 1;
    for (let i = 0; i < 3; i += 1) machine.waitOf(failed('refused'));
    machine.now += 600_000;
    expect(machine.waitOf(failed('refused'))).toBe(6400);
  });

  it.each([
    [2000, 2000],
    [60_000, 60_000],
    [86_400_000, 60_000],
  ])('is what the server asks for, %d ms, up to a minute', (retryAfterMs, ms) => {
    const machine = watching();
    for (let i = 0; i < 5; i += 1) {
      expect(machine.waitOf(failed('refused', retryAfterMs))).toBe(ms);
    }
  });

  it('is its own where the server asks for none, so that there is no loop without a wait', () => {
    const machine = watching();
    const waits = [0, 1, 2].map(() => machine.waitOf(failed('refused', 0)));
    expect(waits).toEqual([400, 800, 1600]);
  });
});
