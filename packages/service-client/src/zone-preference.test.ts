import type { InstanceHints } from '@movies/discovery';
import fc from 'fast-check';
import { IdleHosts, instanceOf } from './testing/idle-hosts';
import { seededRandom } from './testing/seeded-random';
import type { Host } from './host';
import { preferZone, type Located } from './zone-preference';

/** A host in a zone: `a`, `a:2` with a weight, or `:1` for one without a zone. */
function hostIn(text: string, index: number): Located & { readonly id: string } {
  const [zone = '', weight = '1'] = text.split(':');
  const fields = { weight: Number(weight), ...(zone === '' ? {} : { zone }) };
  return { id: `${text}#${index}`, instance: instanceOf(`i${index}`, fields) };
}

function hintedHost(hints: InstanceHints | undefined, index: number): Located {
  return { instance: instanceOf(`i${index}`, hints === undefined ? {} : { hints }) };
}

/** The share of each zone, for a client in zone `a`. */
function sharesOf(texts: readonly string[], ejected: readonly number[] = []) {
  const hosts = texts.map(hostIn);
  const healthy = hosts.filter((_, index) => !ejected.includes(index));
  const groups = preferZone('a', undefined).groups(healthy, hosts);
  return Object.fromEntries(
    groups.map(({ hosts: [first], share }) => [first?.instance.zone ?? '', share]),
  );
}

describe('without hints', () => {
  it('has no preference where this process has no zone', () => {
    const hosts = ['a', 'b'].map(hostIn);
    expect(preferZone(undefined, undefined).groups(hosts, hosts)).toEqual([]);
    expect(preferZone(undefined, 'n').groups(hosts, hosts)).toEqual([]);
  });

  it('has no preference where no host is in its zone', () => {
    expect(sharesOf(['b', 'c', ''])).toEqual({});
  });

  it.each([
    { hosts: ['a', 'b'], shares: { a: 1 } },
    { hosts: ['a', 'a', 'b'], shares: { a: 1 } },
    { hosts: ['a'], shares: { a: 1 } },
    { hosts: ['a', 'b', 'c'], shares: { a: 1 } },
    { hosts: ['a:0.1', 'b:0.1', 'c:0.1'], shares: { a: 1 } },
    // A quarter of the capacity and half of the callers.
    { hosts: ['a', 'b', 'b', 'b'], shares: { a: 0.5, b: 0.5 } },
    { hosts: ['a', 'b:3'], shares: { a: 0.5, b: 0.5 } },
    // A sixth of the capacity and a third of the callers. c has just what its own callers need.
    { hosts: ['a', 'b', 'b', 'b', 'c', 'c'], shares: { a: 0.5, b: 0.5 } },
    // Of nine, b has two more than its three, and c one.
    { hosts: ['a:1', 'b:6', 'c:5'], shares: { a: 0.25, b: 0.5, c: 0.25 } },
    // There are no callers without a zone, and so half of the capacity is to spare there.
    { hosts: ['a', ''], shares: { a: 0.5, '': 0.5 } },
    { hosts: ['a', 'b', '', ''], shares: { a: 0.5, '': 0.5 } },
    { hosts: ['a:2', 'b:1', ':1'], shares: { a: 1 } },
  ])('of $hosts the zones get $shares', ({ hosts, shares }) => {
    const found = sharesOf(hosts);
    expect(Object.keys(found)).toEqual(Object.keys(shares));
    for (const [zone, share] of Object.entries(shares)) expect(found[zone]).toBeCloseTo(share);
  });

  it('counts the capacity of healthy hosts, and the callers of all zones', () => {
    // Two of six are in a, where a third of the callers is; without b's hosts still a third.
    expect(sharesOf(['a', 'a', 'b', 'b', 'c', 'c'], [2, 3])).toEqual({ a: 1 });
    // One of five: 60 % of what a third of the callers need.
    const shares = sharesOf(['a', 'a', 'b', 'b', 'c', 'c'], [0]);
    expect(shares['a']).toBeCloseTo(0.6);
    expect(shares['b']).toBeCloseTo(0.2);
    expect(shares['c']).toBeCloseTo(0.2);
  });

  it('has no preference once less than half of the hosts of its zone is healthy', () => {
    expect(sharesOf(['a', 'a', 'a', 'b'], [0])).toEqual({ a: 1 });
    expect(sharesOf(['a', 'a', 'a', 'b'], [0, 1])).toEqual({});
    expect(sharesOf(['a', 'b'], [0])).toEqual({});
    expect(sharesOf(['a', 'a', 'b', 'b'], [0, 2, 3])).toEqual({ a: 1 });
  });

  it('gives every zone, over all callers, what its capacity is', () => {
    const zones = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(zones, (weights) => {
        const names = weights.map((_, index) => `z${index}`);
        const hosts = weights.map((weight, index) => hostIn(`z${index}:${weight}`, index));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const load = new Map<string | undefined, number>();
        for (const name of names) {
          const groups = preferZone(name, undefined).groups(hosts, hosts);
          const sum = groups.reduce((all, { share }) => all + share, 0);
          expect(sum).toBeCloseTo(1);
          for (const {
            hosts: [first],
            share,
          } of groups) {
            const zone = first?.instance.zone;
            load.set(zone, (load.get(zone) ?? 0) + share / names.length);
          }
        }
        weights.forEach((weight, index) => {
          expect(load.get(names[index])).toBeCloseTo(weight / total);
        });
      }),
    );
  });
});

describe('hints', () => {
  const toA = { zones: ['a'] };
  const toB = { zones: ['b'] };
  const toBoth = { zones: ['a', 'b'] };
  const toNode = { zones: ['a'], nodes: ['n'] };
  const toOther = { zones: ['a'], nodes: ['o'] };

  /** Indices of the hosts that a client in zone `a` on node `n` asks; `undefined` if it has no preference. */
  function chosen(
    hints: readonly (InstanceHints | undefined)[],
    {
      zone = 'a',
      node = 'n',
      ejected = [],
    }: { zone?: string; node?: string; ejected?: number[] } = {},
  ): number[] | undefined {
    const hosts = hints.map(hintedHost);
    const healthy = hosts.filter((_, index) => !ejected.includes(index));
    const groups = preferZone(zone, node).groups(healthy, hosts);
    return groups[0]?.hosts.map((host) => hosts.indexOf(host));
  }

  it.each([
    { what: 'for this zone', hints: [toA, toB, toBoth], hosts: [0, 2] },
    { what: 'for other zones only', hints: [toB, toB], hosts: undefined },
    { what: 'that one host lacks', hints: [toA, toB, undefined], hosts: undefined },
    { what: 'that are empty at one host', hints: [toA, { zones: [] }], hosts: undefined },
    { what: 'for this node', hints: [toNode, toOther], hosts: [0] },
    {
      what: 'for other nodes only',
      hints: [toOther, toOther, { ...toB, nodes: ['o'] }],
      hosts: [0, 1],
    },
    { what: 'for nodes, that one host lacks', hints: [toNode, toA, toB], hosts: [0, 1] },
    { what: 'for nodes alone', hints: [{ nodes: ['n'] }, { nodes: ['o'] }], hosts: [0] },
  ])('$what', ({ hints, hosts }) => {
    expect(chosen(hints)).toEqual(hosts);
  });

  it('count only where this process knows its zone or its node', () => {
    const hosts = [toNode, toOther].map(hintedHost);
    expect(preferZone('a', undefined).groups(hosts, hosts)).toEqual([{ hosts, share: 1 }]);
    expect(preferZone(undefined, 'n').groups(hosts, hosts)).toEqual([
      { hosts: hosts.slice(0, 1), share: 1 },
    ]);
  });

  it('come before what the zones of the hosts say', () => {
    const hosts = [
      { instance: instanceOf('1', { zone: 'a', hints: toB }) },
      { instance: instanceOf('2', { zone: 'b', hints: toA }) },
    ];
    const groups = preferZone('a', undefined).groups(hosts, hosts);
    expect(groups).toEqual([{ hosts: hosts.slice(1), share: 1 }]);
  });

  it('that cannot be followed leave the choice to the zones of the hosts', () => {
    const hosts = [
      { instance: instanceOf('1', { zone: 'a', hints: toA }) },
      { instance: instanceOf('2', { zone: 'b' }) },
    ];
    const groups = preferZone('a', undefined).groups(hosts, hosts);
    expect(groups).toEqual([{ hosts: hosts.slice(0, 1), share: 1 }]);
  });

  it('are not followed once less than half of what they name is healthy', () => {
    expect(chosen([toA, toA, toB], { ejected: [0] })).toEqual([1]);
    expect(chosen([toA, toA, toA, toB], { ejected: [0, 1] })).toBeUndefined();
    expect(chosen([toNode, toOther], { ejected: [0] })).toEqual([1]);
  });

  it('of hosts that are not ready count for nothing', () => {
    const hosts = [toA, toB].map((hints, index) => ({
      instance: instanceOf(`i${index}`, { hints, state: 'draining' }),
    }));
    expect(preferZone('a', undefined).groups(hosts, hosts)).toEqual([]);
  });
});

describe('in a host set', () => {
  /** Share of each zone in so many picks. */
  function metered(hosts: IdleHosts, picks = 20_000): Record<string, number> {
    const shares: Record<string, number> = {};
    for (let i = 0; i < picks; i += 1) {
      const host = hosts.set.pick([]);
      if (host === undefined) throw new Error('there is no host');
      hosts.attempt(host, 'ok');
      const zone = host.instance.zone ?? '';
      shares[zone] = (shares[zone] ?? 0) + 1 / picks;
    }
    return shares;
  }

  function open(zones: readonly string[], zone: string | undefined, failuresInRow = 5): IdleHosts {
    const random = seededRandom(1);
    const hosts = new IdleHosts({ random, ejection: { failuresInRow }, ...(zone && { zone }) });
    hosts.set.update(zones.map((name, index) => instanceOf(`${index}`, { zone: name })));
    return hosts;
  }

  it.each([
    { zones: ['a', 'b'], shares: { a: 1 } },
    { zones: ['a', 'b', 'b', 'b'], shares: { a: 0.5, b: 0.5 } },
    { zones: ['a', 'a', 'b', 'b', 'b', 'b', 'c', 'c', 'c'], shares: { a: 2 / 3, b: 1 / 3 } },
    { zones: ['a', 'b', 'b', 'b', 'c', 'c', 'c'], shares: { a: 3 / 7, b: 2 / 7, c: 2 / 7 } },
  ])('the zones $zones get $shares, to 5 %', ({ zones, shares }) => {
    const found = metered(open(zones, 'a'));
    expect(Object.keys(found).sort()).toEqual(Object.keys(shares));
    for (const [zone, share] of Object.entries(shares)) {
      expect(Math.abs((found[zone] ?? 0) - share)).toBeLessThan(0.05 * share);
    }
  });

  it('all hosts get the same without a zone, and nothing is drawn for it', () => {
    const found = metered(open(['a', 'b', 'b', 'b'], undefined));
    expect(found['a']).toBeCloseTo(0.25, 1);
    const random = jest.fn(() => 0.5);
    const hosts = new IdleHosts({ random });
    hosts.set.update([instanceOf('1', { zone: 'a' }), instanceOf('2', { zone: 'b' })]);
    hosts.set.pick([]);
    // The two that are compared.
    expect(random).toHaveBeenCalledTimes(2);
  });

  it('a zone that loses half of its hosts is helped out, and serves alone when they are back', async () => {
    const hosts = open(['a', 'a', 'b', 'b'], 'a');
    expect(metered(hosts, 1000)).toEqual({ a: expect.closeTo(1) as number });
    hosts.attempt(hosts.host('0'), 'refused');
    // One of three is two thirds of what half of the callers need.
    const found = metered(hosts);
    expect(found['a']).toBeGreaterThan(0.63);
    expect(found['a']).toBeLessThan(0.7);
    await hosts.clock.advance(1500);
    hosts.attempt(hosts.host('0'), 'ok');
    expect(metered(hosts, 1000)).toEqual({ a: expect.closeTo(1) as number });
  });

  it('a retry goes to the own zone first, and then to the others', () => {
    const { set } = open(['a', 'a', 'b', 'b'], 'a');
    const tried: Host[] = [];
    for (let host = set.pick(tried); host !== undefined; host = set.pick(tried)) tried.push(host);
    expect(tried.map(({ instance }) => instance.zone)).toEqual(['a', 'a', 'b', 'b']);
  });
});
