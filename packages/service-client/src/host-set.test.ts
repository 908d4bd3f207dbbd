import { PeakEwma } from './balancer/peak-ewma';
import { RoundRobin } from './balancer/round-robin';
import { LeastRequest } from './balancer/least-request';
import type { AttemptEnd, Balancer } from './balancer/balancer';
import type { AttemptOutcome } from './attempt';
import { Connections } from './connections';
import type { Host } from './host';
import { IdleHosts, instanceOf } from './testing/idle-hosts';
import { seededRandom } from './testing/seeded-random';
import type { Instance } from '@movies/discovery';
import type { ClientOptions } from './client-options';

const draining = { state: 'draining' } as const;
const notReady = { state: 'not_ready' } as const;

function open(
  instances: readonly (Instance | string)[],
  options: Omit<ClientOptions, 'clock'> = {},
): IdleHosts {
  const hosts = new IdleHosts({ random: seededRandom(1), ...options });
  update(hosts, instances);
  return hosts;
}

function update({ set }: IdleHosts, instances: readonly (Instance | string)[]): void {
  set.update(instances.map((one) => (typeof one === 'string' ? instanceOf(one) : one)));
}

/** Ends one attempt at the host of this id. */
function attempt(hosts: IdleHosts, id: string, outcome: AttemptOutcome = 'ok', durationMs = 1) {
  hosts.attempt(hosts.host(id), outcome, durationMs);
}

/** The ids that first attempts reach, in order. */
function reached(hosts: IdleHosts): string[] {
  const ids = new Set<string>();
  for (let i = 0; i < 50; i += 1) {
    const host = hosts.set.pick([]);
    if (host === undefined) continue;
    ids.add(host.instance.id);
    hosts.set.begin(host);
  }
  return [...ids].sort();
}

/** The ids in the order in which one request after the other would try them. */
function order({ set }: IdleHosts): string[] {
  const tried: Host[] = [];
  for (let next = set.pick(tried); next !== undefined; next = set.pick(tried)) tried.push(next);
  return tried.map(({ instance }) => instance.id);
}

function told({ events }: IdleHosts): string[] {
  return events.map(({ kind, instance = '', cause }) => `${kind} ${instance}: ${cause}`);
}

describe('which are picked', () => {
  test('none of an empty set', () => {
    expect(open([]).set.pick([])).toBeUndefined();
  });

  test('the ready, as long as there are any', () => {
    const hosts = open(['a', instanceOf('b', draining), instanceOf('c', notReady)]);
    expect(reached(hosts)).toEqual(['a']);
  });

  test('the draining when none is ready', () => {
    const hosts = open([instanceOf('b', draining), instanceOf('c', notReady)]);
    expect(reached(hosts)).toEqual(['b']);
  });

  test('any when none serves', () => {
    const hosts = open([instanceOf('c', notReady), instanceOf('d', notReady)]);
    expect(reached(hosts)).toEqual(['c', 'd']);
    expect(hosts.set.hasOther([hosts.host('c')])).toBe(true);
  });

  test('for a retry: the untried, then the draining, and none that does not serve', () => {
    const hosts = open(['a', instanceOf('b', draining), instanceOf('c', notReady)]);
    expect(order(hosts)).toEqual(['a', 'b']);
  });

  test('for a retry: those ejected come after the others, before the draining', () => {
    const hosts = open(['a', 'b', 'c', instanceOf('d', draining)]);
    for (const id of ['b', 'c']) attempt(hosts, id);
    attempt(hosts, 'a', 'refused');
    const tried = order(hosts);
    expect([tried.slice(0, 2).sort(), tried.slice(2)]).toEqual([
      ['b', 'c'],
      ['a', 'd'],
    ]);
  });

  test('there is another one as long as one is untried', () => {
    const hosts = open(['a', 'b', instanceOf('c', notReady)]);
    const [a, b] = [hosts.host('a'), hosts.host('b')];
    const { set } = hosts;
    expect([set.hasOther([]), set.hasOther([a]), set.hasOther([a, b])]).toEqual([
      true,
      true,
      false,
    ]);
  });

  test('the balancer decides among them, and hears of the attempts', () => {
    const heard: unknown[] = [];
    const balancer: Balancer<string> = {
      state: () => 'fresh',
      pick: (hosts) => hosts.length - 1,
      started: ({ state }) => heard.push(['started', state]),
      ended: ({ state }, end) => heard.push([state, end.kind, end.durationMs]),
    };
    const hosts = open(['a', 'b'], { balancer });
    expect(hosts.set.pick([])).toBe(hosts.host('b'));
    hosts.attempt(hosts.host('b'), 'overloaded', 7, 500);
    expect(heard).toEqual([
      ['started', 'fresh'],
      ['fresh', 'failed', 7],
    ]);
    // There is no choice.
    expect(hosts.set.pick([hosts.host('b')])).toBe(hosts.host('a'));
  });

  test.each<{ outcome: AttemptOutcome; kind: AttemptEnd['kind'] | undefined }>([
    { outcome: 'ok', kind: 'answered' },
    { outcome: 'failed', kind: 'failed' },
    { outcome: 'overloaded', kind: 'failed' },
    { outcome: 'unavailable', kind: 'failed' },
    { outcome: 'refused', kind: 'failed' },
    { outcome: 'reset', kind: 'failed' },
    { outcome: 'bad_response', kind: 'failed' },
    { outcome: 'timeout', kind: 'unanswered' },
    { outcome: 'aborted', kind: 'unanswered' },
    { outcome: 'outrun', kind: 'unanswered' },
    { outcome: 'local', kind: undefined },
    { outcome: 'too_large', kind: undefined },
  ])('the balancer learns $kind from an attempt that ended as $outcome', ({ outcome, kind }) => {
    const ended = jest.fn();
    const balancer = { state: () => undefined, pick: () => 0, ended };
    const hosts = open(['a', 'b'], { balancer });
    attempt(hosts, 'a', outcome);
    const kinds = ended.mock.calls.map(([, end]: [unknown, AttemptEnd]) => end.kind);
    expect(kinds).toEqual(kind === undefined ? [] : [kind]);
  });

  test('time of the last response and the last failure are kept', () => {
    const hosts = open(['a', 'b']);
    const a = hosts.host('a');
    expect([a.latencyMs, a.lastFailure]).toEqual([undefined, undefined]);
    attempt(hosts, 'a', 'ok', 7);
    attempt(hosts, 'a', 'failed', 9);
    expect(a.latencyMs).toBe(7);
    expect(a.lastFailure).toEqual({ at: hosts.clock.now(), what: 'failed' });
  });
});

describe('which are ejected', () => {
  test('one of two', () => {
    const hosts = open(['a', 'b']);
    attempt(hosts, 'a', 'refused');
    expect([hosts.set.ejected, reached(hosts)]).toEqual([1, ['b']]);
    expect(told(hosts).at(-1)).toBe('ejected a: refused');
  });

  test('never the last', () => {
    const hosts = open(['a', 'b']);
    for (const id of ['a', 'b']) attempt(hosts, id, 'refused');
    expect([hosts.set.ejected, reached(hosts)]).toEqual([1, ['b']]);
  });

  test('not a lone one', () => {
    const hosts = open(['a']);
    attempt(hosts, 'a', 'refused');
    expect([hosts.set.ejected, reached(hosts)]).toEqual([0, ['a']]);
  });

  test('one of two that drain, when none is ready', () => {
    const hosts = open([instanceOf('a', draining), instanceOf('b', draining)]);
    attempt(hosts, 'a', 'refused');
    expect(reached(hosts)).toEqual(['b']);
  });

  test('each until its own time is over', async () => {
    const hosts = open(['a', 'b', 'c', 'd'], { random: () => 0.5 });
    for (const id of ['c', 'd']) attempt(hosts, id);
    attempt(hosts, 'a', 'refused');
    await hosts.clock.advance(500);
    attempt(hosts, 'b', 'refused');
    expect([hosts.set.ejected, reached(hosts)]).toEqual([2, ['c', 'd']]);
    await hosts.clock.advance(499);
    expect(hosts.set.ejected).toBe(2);
    await hosts.clock.advance(1);
    expect(hosts.set.ejected).toBe(1);
    expect(order(hosts).at(-1)).toBe('b');
  });

  test('and come back for one request at a time, until one has gone well', async () => {
    const hosts = open(['a', 'b']);
    attempt(hosts, 'b');
    attempt(hosts, 'a', 'refused');
    await hosts.clock.advance(2000);
    const a = hosts.host('a');
    expect(hosts.set.pick([])).toBe(a);
    hosts.set.begin(a);
    const release = hosts.hold(a);
    expect(reached(hosts)).toEqual(['b']);
    hosts.set.finish(a, { outcome: 'ok', durationMs: 1, pauseMs: 0, what: '' });
    release();
    expect(reached(hosts)).toEqual(['a', 'b']);
    expect(told(hosts).at(-1)).toBe('returned a: a request succeeded');
  });

  test('and get no second request before that, however slow the others are', async () => {
    const hosts = open(['a', 'b'], { balancer: new LeastRequest() });
    attempt(hosts, 'a', 'refused');
    for (let i = 0; i < 10; i += 1) hosts.hold(hosts.host('b'));
    await hosts.clock.advance(2000);
    hosts.set.begin(hosts.host('a'));
    hosts.hold(hosts.host('a'));
    expect(reached(hosts)).toEqual(['b']);
  });

  test('and get the next one when the first says nothing of their health', async () => {
    const hosts = open(['a', 'b']);
    attempt(hosts, 'b');
    attempt(hosts, 'a', 'refused');
    await hosts.clock.advance(2000);
    const a = hosts.host('a');
    hosts.set.begin(a);
    const release = hosts.hold(a);
    expect(reached(hosts)).toEqual(['b']);
    hosts.set.finish(a, { outcome: 'overloaded', durationMs: 1, pauseMs: 0, what: 'overloaded' });
    // The connection is not free yet.
    expect(reached(hosts)).toEqual(['b']);
    release();
    expect(reached(hosts)).toEqual(['a', 'b']);
  });

  test('and are out again if that fails', async () => {
    const hosts = open(['a', 'b']);
    attempt(hosts, 'b');
    attempt(hosts, 'a', 'refused');
    await hosts.clock.advance(2000);
    attempt(hosts, 'b');
    attempt(hosts, 'a', 'reset');
    expect([hosts.set.ejected, reached(hosts)]).toEqual([1, ['b']]);
  });

  test('and what the balancer knew of them is forgotten: they are tried at once', async () => {
    const hosts = open(['a', 'b', 'c']);
    for (const id of ['b', 'c']) attempt(hosts, id);
    attempt(hosts, 'a', 'ok', 5000);
    attempt(hosts, 'a', 'refused');
    // This one was still under way.
    attempt(hosts, 'a', 'reset');
    await hosts.clock.advance(2000);
    const picked = Array.from({ length: 3 }, () => hosts.set.pick([])?.instance.id);
    expect(picked).toContain('a');
  });

  test('a success while it is out brings a host back at once', () => {
    const hosts = open(['a', 'b']);
    attempt(hosts, 'a', 'refused');
    expect(reached(hosts)).toEqual(['b']);
    attempt(hosts, 'a');
    expect([hosts.set.ejected, reached(hosts)]).toEqual([0, ['a', 'b']]);
  });

  test('all are back when the others fail as well', () => {
    const hosts = open(['a', 'b', 'c', 'd']);
    for (const id of ['a', 'b']) attempt(hosts, id, 'refused');
    expect(hosts.set.ejected).toBe(2);
    for (let i = 0; i < 10; i += 1) for (const id of ['c', 'd']) attempt(hosts, id, 'unavailable');
    expect(hosts.set.ejected).toBe(0);
    expect(told(hosts).filter((text) => text.startsWith('returned'))).toEqual([
      'returned a: the others fail as well',
      'returned b: the others fail as well',
    ]);
  });

  test('all are picked when only those ejected are left', () => {
    const hosts = open(['a', 'b']);
    attempt(hosts, 'a', 'refused');
    update(hosts, ['a']);
    expect(reached(hosts)).toEqual(['a']);
  });

  describe('a walk over the hosts takes a change', () => {
    /** How many walks there were since the last time that it was asked. */
    function openCounting(ids: readonly string[]) {
      const groups = jest.fn(() => []);
      const hosts = new IdleHosts({ random: seededRandom(1) }, { zones: { groups } });
      update(hosts, ids);
      const walks = () => {
        const { length } = groups.mock.calls;
        groups.mockClear();
        return length;
      };
      const pick = (picks: number) => {
        for (let i = 0; i < picks; i += 1) hosts.set.pick([]);
      };
      return { hosts, walks, pick };
    }

    test('of the set, or an ejection, its end, and a probe that is under way', async () => {
      const { hosts, walks, pick } = openCounting(['a', 'b']);
      expect(walks()).toBe(1);
      attempt(hosts, 'b');
      pick(10);
      expect(walks()).toBe(0);
      attempt(hosts, 'a', 'refused');
      pick(10);
      expect(walks()).toBe(1);
      await hosts.clock.advance(2000);
      pick(10);
      expect(walks()).toBe(1);
      const a = hosts.host('a');
      hosts.set.begin(a);
      const release = hosts.hold(a);
      pick(10);
      expect(walks()).toBe(10);
      hosts.set.finish(a, { outcome: 'ok', durationMs: 1, pauseMs: 0, what: '' });
      release();
      pick(10);
      expect(walks()).toBe(1);
    });

    test('and none while all hosts fail', () => {
      const { hosts, walks, pick } = openCounting(['a', 'b', 'c']);
      for (let i = 0; i < 20; i += 1) {
        for (const id of ['a', 'b', 'c']) attempt(hosts, id, 'unavailable');
      }
      pick(1);
      walks();
      for (let i = 0; i < 20; i += 1) {
        attempt(hosts, 'a', 'unavailable');
        pick(1);
      }
      expect([hosts.set.ejected, walks()]).toEqual([0, 0]);
    });
  });
});

describe('when the set changes', () => {
  test('what is known of an instance outlives it', () => {
    const hosts = open(['a', 'b']);
    const before = hosts.host('b');
    attempt(hosts, 'a', 'refused');
    update(hosts, ['a', instanceOf('b', { labels: { version: '2' } }), 'c']);
    expect(hosts.host('b')).toBe(before);
    expect(before.instance.labels).toEqual({ version: '2' });
    expect(hosts.set.ejected).toBe(1);
  });

  test('those that stay are the same, whoever comes and goes', () => {
    const hosts = open([]);
    let before = new Map<string, Host>();
    for (const ids of ['cdgh', 'acdeghz', 'cgh', 'cfg', 'abcfg', 'g', 'fgh', 'ab', '']) {
      hosts.events.length = 0;
      update(hosts, Array.from(ids));
      expect(hosts.set.hosts.map(({ instance }) => instance.id).join('')).toBe(ids);
      const after = new Map(Array.from(ids, (id) => [id, hosts.host(id)]));
      const kept = [...before].filter(([id, host]) => after.get(id) === host).map(([id]) => id);
      const stayed = [...before.keys()].filter((id) => ids.includes(id));
      expect(kept).toEqual(stayed);
      const changes = hosts.events.map(({ kind, instance = '' }) => `${kind} ${instance}`);
      const left = [...before.keys()].filter((id) => !ids.includes(id));
      const joined = Array.from(ids).filter((id) => !before.has(id));
      expect(changes.sort()).toEqual([
        ...joined.map((id) => `joined ${id}`),
        ...left.map((id) => `left ${id}`),
      ]);
      before = after;
    }
  });

  test('another address under the same id is another host', () => {
    const hosts = open(['a']);
    const before = hosts.host('a');
    update(hosts, [instanceOf('a', { port: 81 })]);
    expect(hosts.host('a')).not.toBe(before);
    expect(hosts.set.hosts).toHaveLength(1);
    expect(told(hosts)).toEqual([
      'joined a: new in the set',
      'joined a: new in the set',
      'left a: not in the set any more',
    ]);
  });

  test('a host that is back within a minute is known', async () => {
    const hosts = open(['a', 'b'], { ejection: { refusedMs: 30_000 } });
    attempt(hosts, 'a', 'refused');
    const { state, health } = hosts.host('a');
    update(hosts, ['b']);
    expect(hosts.set.ejected).toBe(0);
    await hosts.clock.advance(20_000);
    update(hosts, ['a', 'b']);
    expect([hosts.set.ejected, reached(hosts)]).toEqual([1, ['b']]);
    expect(hosts.host('a').state).toBe(state);
    expect(hosts.host('a').health).toBe(health);
    expect(told(hosts).at(-1)).toBe('joined a: back in the set');
  });

  test('a host that is back later, or at another address, is new', async () => {
    const hosts = open(['a', 'b', 'c']);
    for (const id of ['a', 'b']) attempt(hosts, id, 'ok', 100);
    const states = ['a', 'b'].map((id) => hosts.host(id).state);
    update(hosts, []);
    await hosts.clock.advance(60_000);
    update(hosts, ['b']);
    expect(hosts.host('b').state).toBe(states[1]);
    await hosts.clock.advance(1);
    update(hosts, ['a', instanceOf('b', { host: '192.0.2.2' })]);
    expect(['a', 'b'].map((id) => hosts.host(id).state)).not.toEqual(states);
    expect(told(hosts).slice(-3)).toEqual([
      'joined a: new in the set',
      'joined b: new in the set',
      'left b: not in the set any more',
    ]);
  });

  test('a host that was restarted in its place is used at once, and known no more', () => {
    const hosts = open(['a', 'b', 'c']);
    attempt(hosts, 'a', 'ok', 5000);
    attempt(hosts, 'a', 'refused');
    expect(reached(hosts)).not.toContain('a');
    update(hosts, [instanceOf('a', notReady), 'b', 'c']);
    update(hosts, ['a', 'b', 'c']);
    expect(reached(hosts)).toContain('a');
    expect(told(hosts).slice(-3)).toEqual([
      'state a: ready → not_ready',
      'state a: not_ready → ready',
      'returned a: the registry says that it is ready again',
    ]);
    expect(hosts.host('a').health.calls.sum(hosts.clock.now())).toBe(0);
  });

  test('a host that drains and is ready again stays what it is', () => {
    const hosts = open(['a', 'b', 'c']);
    attempt(hosts, 'a', 'refused');
    update(hosts, [instanceOf('a', draining), 'b', 'c']);
    update(hosts, ['a', 'b', 'c']);
    expect([hosts.set.ejected, reached(hosts).includes('a')]).toEqual([1, false]);
  });
});

describe('in slow start', () => {
  const slowly = { slowStartMs: 10_000 };

  test('the weight of a host that is new grows from a tenth', async () => {
    const hosts = open(['a'], slowly);
    update(hosts, ['a', instanceOf('b', { weight: 2 })]);
    const weights: number[] = [];
    for (const afterMs of [0, 500, 1500, 3000, 4999, 1, 10_000]) {
      await hosts.clock.advance(afterMs);
      hosts.set.pick([]);
      weights.push(hosts.host('b').weight);
    }
    expect(weights.map((weight) => weight.toFixed(4))).toEqual(
      [0.2, 0.2, 0.4, 1, 1.9998, 2, 2].map((weight) => weight.toFixed(4)),
    );
    expect(hosts.host('a').weight).toBe(1);
  });

  test('hosts of the first set, those that are back, and all without it have their weight at once', () => {
    const hosts = open(['a', 'b'], slowly);
    update(hosts, ['b']);
    update(hosts, ['a', 'b']);
    hosts.set.pick([]);
    expect(hosts.set.hosts.map(({ weight }) => weight)).toEqual([1, 1]);
    const other = open(['a']);
    update(other, ['a', 'b']);
    other.set.pick([]);
    expect(other.host('b').weight).toBe(1);
  });

  test('hosts that come after an empty set start slowly', () => {
    const hosts = open([], slowly);
    update(hosts, ['a']);
    hosts.set.pick([]);
    expect(hosts.host('a').weight).toBe(1);
    update(hosts, []);
    update(hosts, ['b']);
    hosts.set.pick([]);
    expect(hosts.host('b').weight).toBe(0.1);
  });
});

describe('a host that asks to be spared', () => {
  test.each([new PeakEwma(), new LeastRequest(), new RoundRobin()])(
    'is asked again when its time is over, whatever the balancer',
    async (balancer) => {
      const hosts = open(['a', 'b', 'c'], { balancer });
      hosts.attempt(hosts.host('a'), 'overloaded', 1, 500);
      expect([hosts.set.ejected, reached(hosts)]).toEqual([0, ['b', 'c']]);
      await hosts.clock.advance(499);
      expect(reached(hosts)).toEqual(['b', 'c']);
      await hosts.clock.advance(1);
      expect(reached(hosts)).toContain('a');
    },
  );

  test('is asked where all do', () => {
    const hosts = open(['a', 'b']);
    for (const id of ['a', 'b']) hosts.attempt(hosts.host(id), 'overloaded', 1, 500);
    expect(reached(hosts)).toEqual(['a', 'b']);
  });

  test('is spared on when the others fail, and is told as returned by no event', () => {
    const hosts = open(['a', 'b', 'c']);
    hosts.attempt(hosts.host('a'), 'overloaded', 1, 500);
    for (let i = 0; i < 20; i++) {
      for (const id of ['b', 'c']) hosts.attempt(hosts.host(id), 'unavailable');
    }
    const returned = hosts.events.filter(({ kind }) => kind === 'returned');
    expect(returned.map(({ instance }) => instance)).not.toContain('a');
    expect(reached(hosts)).not.toContain('a');
  });

  test('is asked at once when the registry says that it is ready again', () => {
    const hosts = open(['a', 'b']);
    hosts.attempt(hosts.host('a'), 'overloaded', 1, 60_000);
    hosts.set.update([instanceOf('a', { state: 'not_ready' }), instanceOf('b')]);
    hosts.set.update([instanceOf('a'), instanceOf('b')]);
    expect(reached(hosts)).toEqual(['a', 'b']);
  });
});

describe('a host that left', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** How many hosts were freed so far. */
  function countFreed(): () => number {
    const destroy = jest.spyOn(Connections.prototype, 'destroy');
    return () => destroy.mock.calls.length;
  }

  test('is freed at once if it has nothing to do', () => {
    const freed = countFreed();
    const hosts = open(['a', 'b']);
    update(hosts, ['b']);
    expect([freed(), hosts.clock.pending, reached(hosts)]).toEqual([1, 0, ['b']]);
  });

  test('is ejected by none of its last requests, and nothing of it is kept for that', () => {
    const hosts = open(['a', 'b']);
    const a = hosts.host('a');
    const release = hosts.hold(a);
    update(hosts, ['b']);
    hosts.set.finish(a, { outcome: 'refused', durationMs: 1, pauseMs: 0, what: 'refused' });
    release();
    expect(a.health.state(hosts.clock.now())).toEqual({ kind: 'in' });
    expect(hosts.events.map(({ kind }) => kind)).not.toContain('ejected');
  });

  test('is freed when its last request ends', () => {
    const freed = countFreed();
    const hosts = open(['a', 'b']);
    const releases = [1, 2].map(() => hosts.hold(hosts.host('a')));
    update(hosts, ['b']);
    releases[0]?.();
    expect([freed(), hosts.clock.pending]).toEqual([0, 1]);
    releases[1]?.();
    expect([freed(), hosts.clock.pending]).toEqual([1, 0]);
  });

  test('waits 30 seconds for its last request, no longer', async () => {
    const freed = countFreed();
    const hosts = open(['a']);
    hosts.hold(hosts.host('a'));
    update(hosts, []);
    await hosts.clock.advance(29_999);
    expect(freed()).toBe(0);
    await hosts.clock.advance(1);
    expect(freed()).toBe(1);
  });
});

describe('when it is closed', () => {
  test('nothing is left to pick', async () => {
    const hosts = open(['a']);
    await hosts.set.close(0);
    expect([hosts.set.pick([]), hosts.set.hasOther([])]).toEqual([undefined, false]);
  });

  test('its limit holds also for what has left before', async () => {
    const hosts = open(['a', 'b']);
    for (const id of ['a', 'b']) hosts.hold(hosts.host(id));
    update(hosts, ['b']);
    const closed = hosts.set.close(1000);
    await hosts.clock.advance(999);
    expect(hosts.clock.pending).toBe(2);
    await hosts.clock.advance(1);
    await closed;
    expect(hosts.clock.pending).toBe(0);
  });
});
