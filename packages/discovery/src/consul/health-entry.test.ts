import { createInstance } from '../instance';
import { parseHealthEntries } from './health-entry';

interface EntryFields {
  id?: string;
  host?: string;
  port?: number;
  tags?: string[] | null;
  meta?: Record<string, string> | null;
  weights?: { Passing: number; Warning: number };
  statuses?: string[];
  node?: string;
}

function entry({ id = 'a', host = '10.0.0.1', port = 8081, ...more }: EntryFields = {}) {
  return {
    Node: { Node: more.node ?? 'node-1', Address: '10.9.9.9' },
    Service: {
      ID: id,
      Service: 'metadata',
      Address: host,
      Port: port,
      Tags: more.tags ?? null,
      Meta: more.meta ?? null,
      ...(more.weights === undefined ? {} : { Weights: more.weights }),
    },
    Checks: (more.statuses ?? ['passing']).map((Status) => ({ Status })),
  };
}

const read = (...entries: unknown[]) => parseHealthEntries('metadata', JSON.stringify(entries));
const parse = (...entries: unknown[]) => read(...entries).instances;
const plain = { id: 'node-1/a', service: 'metadata', host: '10.0.0.1', port: 8081 };

describe('parseHealthEntries', () => {
  it('reads address, zone, weight and labels', () => {
    const whole = entry({
      meta: { version: '1.2.3', zone: 'zone-1' },
      weights: { Passing: 10, Warning: 1 },
    });
    expect(parse(whole)).toEqual([
      createInstance({ ...plain, zone: 'zone-1', weight: 10, labels: { version: '1.2.3' } }),
    ]);
  });

  it('takes a service without meta, tags and weights', () => {
    expect(parse(entry())).toEqual([createInstance(plain)]);
  });

  it('takes the address of the node for a service without one', () => {
    expect(parse(entry({ host: '' })).map(({ host }) => host)).toEqual(['10.9.9.9']);
  });

  it.each([
    [[], 'ready'],
    [['passing'], 'ready'],
    [['passing', 'warning'], 'ready'],
    [['passing', 'critical'], 'not_ready'],
    [['passing', 'maintenance'], 'not_ready'],
    [['passing', 'what comes one day'], 'not_ready'],
  ])('with the checks %j is %s', (statuses, state) => {
    expect(parse(entry({ statuses })).map((instance) => instance.state)).toEqual([state]);
  });

  it('gives an instance with a warning its warning weight', () => {
    const weights = { Passing: 10, Warning: 2 };
    const weightOf = (statuses: string[]) => parse(entry({ weights, statuses }))[0]?.weight;
    expect([weightOf(['passing']), weightOf(['passing', 'warning'])]).toEqual([10, 2]);
  });

  it.each([
    [0, 0.01],
    [2.5, 2.5],
    [-1, 1],
    ['10', 1],
    [null, 1],
  ])('reads the weight %j as %d', (Passing, expected) => {
    const weighed = { ...entry(), Service: { ...entry().Service, Weights: { Passing } } };
    expect(parse(weighed).map(({ weight }) => weight)).toEqual([expected]);
  });

  it('reads the tags in their order', () => {
    expect(parse(entry({ tags: ['b', 'a=1', 'b'] }))[0]?.tags).toEqual(['b', 'a=1', 'b']);
  });

  it.each([
    [['critical', 'draining'], 'draining'],
    [['critical', 'draining: bye'], 'draining'],
    [['critical', 'draining the queue'], 'not_ready'],
    [['critical', 'TTL expired (last output before timeout follows): draining'], 'not_ready'],
    [['maintenance', 'draining'], 'not_ready'],
    [['warning', 'draining'], 'ready'],
  ])('with a check that is %j is %s', ([Status, Output], state) => {
    const checked = { ...entry(), Checks: [{ Status: 'passing' }, { Status, Output }] };
    expect(parse(checked).map((instance) => instance.state)).toEqual([state]);
  });

  it('is not ready when one check says draining, and another one is critical', () => {
    const Checks = [{ Status: 'critical', Output: 'draining' }, { Status: 'critical' }];
    expect(parse({ ...entry(), Checks })[0]?.state).toBe('not_ready');
  });

  it('takes an entry without what may be absent, or with null in its place', () => {
    const Node = { Node: 'node-1', Address: '10.0.0.1' };
    const Service = { ID: 'a', Port: 8081 };
    const nothing = { Address: null, Tags: null, Meta: null, Weights: null };
    expect(parse({ Node, Service })).toEqual([createInstance(plain)]);
    const entries = [
      { Node, Service: { ...Service, ...nothing }, Checks: null },
      {
        Node,
        Service: { ...Service, Tags: ['b', 1], Meta: { version: 1, zone: '' } },
        Checks: [null],
      },
    ];
    expect(parse(...entries)).toEqual([
      createInstance(plain),
      createInstance({ ...plain, state: 'not_ready', tags: ['b'] }),
    ]);
  });

  it.each([
    ['a host that cannot be called', { host: 'no host' }, "node-1/bad at 'no host', port 8081"],
    ['a host with a zone', { host: 'fe80::1%eth0' }, "node-1/bad at 'fe80::1%eth0', port 8081"],
    ['no port', { port: 0 }, "node-1/bad at '10.0.0.1', port 0"],
    ['a negative port', { port: -1 }, "node-1/bad at '10.0.0.1', port -1"],
    ['a port beyond all', { port: 65_536 }, "node-1/bad at '10.0.0.1', port 65536"],
  ])('leaves out an entry with %s, and no other, and says so', (_, fields, named) => {
    const { instances, skipped } = read(entry({ id: 'bad', ...fields }), entry());
    expect(instances.map(({ id }) => id)).toEqual(['node-1/a']);
    expect(skipped).toBe(`entries without a usable address are left out: ${named}`);
  });

  it.each([null, 7, 'text', [], {}, { Node: null, Service: null }, { Node: { Node: 'a' } }])(
    'leaves out %j, which is no entry, and no other',
    (broken) => {
      const { instances, skipped } = read(broken, entry());
      expect(instances.map(({ id }) => id)).toEqual(['node-1/a']);
      expect(skipped).toContain('one that is no entry of a service');
    },
  );

  it('names the first three that it leaves out', () => {
    const bad = [1, 2, 3, 4, 5].map((n) => entry({ id: `bad-${n}`, port: 0 }));
    expect(read(...bad)).toEqual({
      instances: [],
      skipped: expect.stringMatching(
        /bad-1 .*bad-2 .*bad-3 at '10.0.0.1', port 0; and 2 more$/,
      ) as string,
    });
  });

  it('gives an instance the same id whatever stands beside it', () => {
    const one = entry({ id: 'web', host: '10.0.0.1', node: 'n1' });
    const two = entry({ id: 'web', host: '10.0.0.2', node: 'n2' });
    const ids = (...entries: unknown[]) => parse(...entries).map(({ id }) => id);
    expect([ids(one), ids(one, two), ids(two)]).toEqual([
      ['n1/web'],
      ['n1/web', 'n2/web'],
      ['n2/web'],
    ]);
  });

  it('is empty for an empty list', () => {
    expect(read()).toEqual({ instances: [] });
  });

  it.each(['', '{', 'null', '{}', '[{}]', '[1,null]', '"text"'])(
    'refuses the response %j',
    (body) => {
      expect(() => parseHealthEntries('metadata', body)).toThrow(
        expect.objectContaining({
          kind: 'malformed',
          message: expect.stringMatching(/^Consul's response cannot be read: /) as string,
        }) as Error,
      );
    },
  );
});
