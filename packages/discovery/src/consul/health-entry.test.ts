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

const parse = (...entries: unknown[]) => parseHealthEntries('metadata', JSON.stringify(entries));
const plain = { id: 'a', service: 'metadata', host: '10.0.0.1', port: 8081 };

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

  it('keeps a weight of nothing above zero', () => {
    const weights = { Passing: 0, Warning: 0 };
    expect(parse(entry({ weights })).map(({ weight }) => weight)).toEqual([0.01]);
  });

  it('skips an entry with a host that cannot be called, and no other', () => {
    const ids = parse(entry({ id: 'bad', host: 'no host' }), entry()).map(({ id }) => id);
    expect(ids).toEqual(['a']);
  });

  it.each([0, -1, 65_536])('skips an entry with port %d, and no other', (port) => {
    const ids = parse(entry({ id: 'bad', port }), entry()).map(({ id }) => id);
    expect(ids).toEqual(['a']);
  });

  it('keeps apart what has the same id on two nodes, and is not the same', () => {
    const known = parse(
      entry({ id: 'metadata', host: '10.0.0.1', node: 'node-1' }),
      entry({ id: 'metadata', host: '10.0.0.2', node: 'node-2' }),
      entry({ id: 'b', host: '10.0.0.3' }),
      entry({ id: 'b', host: '10.0.0.3', node: 'node-2' }),
    );
    expect(known.map(({ id }) => id)).toEqual([
      'metadata@10.0.0.1:8081',
      'metadata@10.0.0.2:8081',
      'b',
      'b',
    ]);
  });

  it('is empty for an empty list', () => {
    expect(parse()).toEqual([]);
  });

  it.each(['', '{', 'null', '{}', '[{}]', '"text"'])('refuses the answer %j', (body) => {
    expect(() => parseHealthEntries('metadata', body)).toThrow(
      /^Consul's answer for 'metadata' cannot be read: /,
    );
  });
});
