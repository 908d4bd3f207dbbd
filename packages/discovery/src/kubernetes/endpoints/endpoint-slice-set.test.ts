import type { Instance } from '../../instance';
import {
  type EndpointConditions,
  type EndpointSlice,
  type EndpointTarget,
  type SliceEndpoint,
  type SlicePort,
} from './endpoint-slice';
import { EndpointSliceSet } from './endpoint-slice-set';

const http = [{ name: 'http', port: 8080 }];
const serving = { ready: false, serving: true, terminating: true };
const gone = { ready: false, serving: false, terminating: true };

function slice(
  name: string,
  endpoints: readonly SliceEndpoint[] | null,
  more: Partial<EndpointSlice> = {},
): EndpointSlice {
  return { metadata: { name }, addressType: 'IPv4', ports: http, endpoints, ...more };
}

/** The endpoint of the pod `name`. */
function pod(name: string, address: string, more: Partial<SliceEndpoint> = {}): SliceEndpoint {
  const uid = `${name}-uid-01234567-89ab`;
  return { addresses: [address], targetRef: { kind: 'Pod', name, uid }, ...more };
}

function bare(...addresses: string[]): SliceEndpoint {
  return { addresses };
}

function setOf(...slices: EndpointSlice[]): EndpointSliceSet {
  const set = new EndpointSliceSet({ service: 'metadata', port: 'http' });
  for (const each of slices) set.put(each);
  return set;
}

/** `host:port state` of each. */
function told({ instances }: EndpointSliceSet): string[] {
  return instances.map(({ host, port, state }) => `${host}:${port} ${state}`);
}

describe('one endpoint', () => {
  const state = (conditions?: EndpointConditions | null) =>
    told(setOf(slice('s', [{ addresses: ['10.0.0.1'], conditions: conditions ?? null }])))[0];

  it.each<[string, EndpointConditions | null, string | undefined]>([
    ['without conditions', null, 'ready'],
    ['with none set', {}, 'ready'],
    ['with all nil', { ready: null, serving: null, terminating: null }, 'ready'],
    ['that is ready', { ready: true, serving: true, terminating: false }, 'ready'],
    ['that is not ready', { ready: false, serving: false, terminating: false }, 'not_ready'],
    ['that is not ready, serving nil', { ready: false }, 'not_ready'],
    ['published though not ready', { ready: true, serving: false }, 'ready'],
    ['terminating and serving', serving, 'draining'],
    ['terminating, ready and serving nil', { terminating: true }, 'draining'],
    ['terminating and not ready, serving nil', { ready: false, terminating: true }, undefined],
    ['terminating and not serving', gone, undefined],
    ['terminating, published though not serving', { ...gone, ready: true }, undefined],
  ])('%s (%j) is %s', (_, conditions, expected) => {
    const address = expected === undefined ? undefined : `10.0.0.1:8080 ${expected}`;
    expect(state(conditions)).toBe(address);
  });

  it('keeps pod, node, zone and hints', () => {
    const endpoint = pod('a', '10.0.0.1', {
      nodeName: 'node-1',
      zone: 'zone-1',
      hints: { forZones: [{ name: 'zone-1' }, { name: 'zone-2' }], forNodes: [{ name: 'node-1' }] },
    });
    expect(setOf(slice('s', [endpoint])).instances).toEqual<Instance[]>([
      {
        id: 'a.a-uid-01',
        service: 'metadata',
        host: '10.0.0.1',
        port: 8080,
        state: 'ready',
        zone: 'zone-1',
        hints: { zones: ['zone-1', 'zone-2'], nodes: ['node-1'] },
        weight: 1,
        tags: [],
        labels: { pod: 'a', node: 'node-1' },
      },
    ]);
  });

  it.each<[string, EndpointTarget | null]>([
    ['nothing', null],
    ['something without a uid', { kind: 'Node', name: 'node-1' }],
    ['something without a name', { kind: 'Pod', uid: '01234567-89ab' }],
  ])('that stands for %s is known by its address', (_, targetRef) => {
    const hints = { forZones: [], forNodes: null };
    const set = setOf(
      slice('s', [{ addresses: ['fd00::1'], targetRef, hints }], { addressType: 'IPv6' }),
    );
    expect(set.instances).toMatchObject([{ id: '[fd00::1]:8080', host: 'fd00::1' }]);
    expect(set.instances[0]).toMatchObject({ labels: {} });
    expect(set.instances[0]).not.toHaveProperty('hints');
  });

  it('of a new pod on an old address, or under an old name, is a new instance', () => {
    const withUid = (uid: string) =>
      pod('db-0', '10.0.0.1', { targetRef: { kind: 'Pod', name: 'db-0', uid } });
    const set = setOf(slice('s', [withUid('11111111-1')]));
    set.put(slice('s', [withUid('22222222-2')]));
    expect(set.instances.map(({ id }) => id)).toEqual(['db-0.22222222']);
  });

  it('is at the first of its addresses', () => {
    expect(told(setOf(slice('s', [bare('10.0.0.1', '10.0.0.2')])))).toEqual([
      '10.0.0.1:8080 ready',
    ]);
  });

  it.each<[string, SliceEndpoint]>([
    ['without addresses', {}],
    ['with null for addresses', { addresses: null }],
    ['with no address in the list', bare()],
    ['with an empty address', bare('')],
    ['with a name for an address', bare('example.org')],
    ['with a zone in its address', bare('fe80::1%eth0')],
  ])('%s is skipped, and no other', (_, endpoint) => {
    expect(told(setOf(slice('s', [endpoint, bare('10.0.0.1')])))).toEqual(['10.0.0.1:8080 ready']);
  });
});

describe('the port', () => {
  it.each<[string, readonly SlicePort[] | null, string[]]>([
    ['is the one of the name, wherever it stands', [{ name: 'admin', port: 1 }, ...http], ['8080']],
    ['of another name is not taken', [{ name: 'admin', port: 1 }], []],
    ['without a name is not taken for a named one', [{ port: 1 }], []],
    ['without a number is missing', [{ name: 'http', port: null }], []],
    ['0 is missing', [{ name: 'http', port: 0 }], []],
    ['80.5 is missing', [{ name: 'http', port: 80.5 }], []],
    ['65,536 is missing', [{ name: 'http', port: 65_536 }], []],
    ['is missing where ports are null', null, []],
    ['is missing where there are none', [], []],
  ])('%s', (_, ports, expected) => {
    const { instances } = setOf(slice('s', [bare('10.0.0.1')], { ports }));
    expect(instances.map(({ port }) => `${port}`)).toEqual(expected);
  });

  it('may have another number in another slice', () => {
    const other = slice('t', [bare('10.0.0.2')], { ports: [{ name: 'http', port: 9090 }] });
    expect(told(setOf(slice('s', [bare('10.0.0.1')]), other))).toEqual([
      '10.0.0.1:8080 ready',
      '10.0.0.2:9090 ready',
    ]);
  });

  it('is chosen by its number in the pods, whatever its name', () => {
    const set = new EndpointSliceSet({ service: 'metadata', port: '9090' });
    set.put(slice('s', [bare('10.0.0.1')], { ports: [...http, { name: 'admin', port: 9090 }] }));
    set.put(slice('t', [bare('10.0.0.2')], { ports: http }));
    expect(set.instances).toMatchObject([{ host: '10.0.0.1', port: 9090 }]);
  });

  it.each([{ name: '', port: 80 }, { name: null, port: 80 }, { port: 80 }])(
    "'' is the unnamed one: %j",
    (port) => {
      const set = new EndpointSliceSet({ service: 'metadata', port: '' });
      set.put(slice('s', [bare('10.0.0.1')], { ports: [...http, port] }));
      expect(told(set)).toEqual(['10.0.0.1:80 ready']);
    },
  );
});

describe('several slices', () => {
  it('are one set', () => {
    const set = setOf(slice('s', [bare('10.0.0.2')]), slice('t', [bare('10.0.0.1')]));
    expect(told(set)).toEqual(['10.0.0.1:8080 ready', '10.0.0.2:8080 ready']);
  });

  it('that both have an endpoint: it lives until the last of them has lost it', () => {
    const set = setOf(slice('s', [pod('a', '10.0.0.1')]), slice('t', [pod('a', '10.0.0.1')]));
    const [first] = set.instances;
    set.delete('s');
    expect(set.instances).toEqual([first]);
    set.put(slice('t', []));
    expect(set.instances).toEqual([]);
  });

  const ready = { ready: true };
  const notReady = { ready: false };
  it.each([
    [ready, serving, 'ready'],
    [ready, notReady, 'ready'],
    [serving, notReady, 'draining'],
    [notReady, gone, 'not_ready'],
  ])('that differ on the state, %j and %j: %s wins', (better, worse, state) => {
    const inState = (conditions: EndpointConditions) => [pod('a', '10.0.0.1', { conditions })];
    const set = setOf(slice('s', inState(worse)), slice('t', inState(better)));
    expect(told(set)).toEqual([`10.0.0.1:8080 ${state}`]);
    set.replace([slice('s', inState(better)), slice('t', inState(worse))]);
    expect(told(set)).toEqual([`10.0.0.1:8080 ${state}`]);
    set.replace([slice('s', [...inState(worse), ...inState(better)])]);
    expect(told(set)).toEqual([`10.0.0.1:8080 ${state}`]);
  });

  it('that differ on what stands at an address: the first by name wins, in any order', () => {
    const slices = [slice('s', [pod('b', '10.0.0.1')]), slice('t', [pod('a', '10.0.0.1')])];
    for (const order of [slices, slices.toReversed()]) {
      expect(setOf(...order).instances.map(({ labels }) => labels['pod'])).toEqual(['b']);
    }
  });

  it('one of which changes its port to what another has: each address once', () => {
    const set = setOf(
      slice('s1', [pod('a', '10.0.0.1')]),
      slice('s2', [pod('b', '10.0.0.1')], { ports: [{ name: 'http', port: 9090 }] }),
    );
    set.put(slice('s1', [pod('a', '10.0.0.1')], { ports: [{ name: 'http', port: 9090 }] }));
    expect(told(set)).toEqual(['10.0.0.1:9090 ready']);
  });

  it('made of one object go with it', () => {
    const set = setOf(slice('t', [bare('10.0.0.3')]));
    set.put(slice('s', [bare('10.0.0.1')]), slice('s', [bare('10.0.0.2')]));
    const before = set.instances;
    expect(told(set)).toEqual([
      '10.0.0.1:8080 ready',
      '10.0.0.2:8080 ready',
      '10.0.0.3:8080 ready',
    ]);
    set.put(slice('s', [bare('10.0.0.2')]));
    expect(told(set)).toEqual(['10.0.0.2:8080 ready', '10.0.0.3:8080 ready']);
    expect(set.instances[0]).toBe(before[1]);
    set.replace([slice('s', [bare('10.0.0.1')]), slice('s', [bare('10.0.0.2')])]);
    expect(told(set)).toEqual(['10.0.0.1:8080 ready', '10.0.0.2:8080 ready']);
    set.delete('s');
    expect(told(set)).toEqual([]);
  });

  it('that differ on where a pod is, and on who is there, leave no pod and no address twice', () => {
    const set = setOf(
      slice('s', [pod('a', '10.0.0.1')]),
      slice('t', [pod('a', '10.0.0.2')]),
      slice('u', [pod('b', '10.0.0.2')]),
    );
    expect(told(set)).toEqual(['10.0.0.1:8080 ready', '10.0.0.2:8080 ready']);
    set.delete('s');
    expect(set.instances.map(({ id, host }) => [id, host])).toEqual([['a.a-uid-01', '10.0.0.2']]);
  });

  it('of both families: a pod is one instance, at its IPv4 address as long as it has one', () => {
    const v6 = slice('a6', [pod('a', 'fd00::1')], { addressType: 'IPv6' });
    const set = setOf(v6, slice('b4', [pod('a', '10.0.0.1')]));
    expect(told(set)).toEqual(['10.0.0.1:8080 ready']);
    set.delete('b4');
    expect(told(set)).toEqual(['fd00::1:8080 ready']);
  });

  it('of names (FQDN) are skipped, with one warning', () => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation();
    const names = { addressType: 'FQDN' };
    const set = setOf(
      slice('s', [bare('example.org')], names),
      slice('t', [bare('10.0.0.2')], names),
      slice('u', [bare('10.0.0.1')]),
    );
    const warnings = emitWarning.mock.calls;
    emitWarning.mockRestore();
    expect(told(set)).toEqual(['10.0.0.1:8080 ready']);
    expect(warnings).toEqual([
      [
        "EndpointSlice 's' of Service 'metadata' holds names (FQDN) in place of addresses: such slices are skipped",
        { code: 'DISCOVERY_FQDN' },
      ],
    ]);
  });

  it('after a list are those of the list', () => {
    const set = setOf(slice('s', [bare('10.0.0.1')]), slice('t', [bare('10.0.0.2')]));
    set.replace([slice('t', [bare('10.0.0.2')]), slice('u', [bare('10.0.0.3')])]);
    expect(told(set)).toEqual(['10.0.0.2:8080 ready', '10.0.0.3:8080 ready']);
    set.delete('never seen');
    set.replace([]);
    expect(told(set)).toEqual([]);
  });
});

describe('what did not change', () => {
  const two = () => slice('s', [pod('a', '10.0.0.1'), pod('b', '10.0.0.2')]);

  it('is the same array', () => {
    const set = setOf(two());
    const before = set.instances;
    set.put(two());
    set.put(slice('t', null));
    set.replace([two()]);
    expect(set.instances).toBe(before);
    expect(Object.isFrozen(before)).toBe(true);
  });

  it('is the same object in a new array, also after a move to another slice', () => {
    const set = setOf(two());
    const [a] = set.instances;
    set.put(slice('s', [pod('a', '10.0.0.1'), pod('b', '10.0.0.2', { zone: 'zone-1' })]));
    expect(set.instances[0]).toBe(a);
    set.replace([slice('t', [pod('a', '10.0.0.1')])]);
    expect(set.instances).toEqual([a]);
    expect(set.instances[0]).toBe(a);
  });

  it.each<[string, Partial<SliceEndpoint>]>([
    ['address', { addresses: ['10.0.0.9'] }],
    ['state', { conditions: { ready: false } }],
    ['zone', { zone: 'zone-1' }],
    ['node', { nodeName: 'node-1' }],
    ['kind', { targetRef: { kind: 'Other', name: 'a', uid: 'a-uid-01' } }],
    ['zone hints', { hints: { forZones: [{ name: 'zone-1' }] } }],
    ['node hints', { hints: { forNodes: [{ name: 'node-1' }] } }],
  ])('does not cover a changed %s', (_, change) => {
    const set = setOf(slice('s', [pod('a', '10.0.0.1')]));
    const before = set.instances;
    set.put(slice('s', [pod('a', '10.0.0.1', change)]));
    expect(set.instances).toHaveLength(1);
    expect(set.instances).not.toEqual(before);
  });

  it('does not cover a port with another number', () => {
    const set = setOf(slice('s', [pod('a', '10.0.0.1')]));
    set.put(slice('s', [pod('a', '10.0.0.1')], { ports: [{ name: 'http', port: 81 }] }));
    expect(told(set)).toEqual(['10.0.0.1:81 ready']);
  });
});

it('is as it was after a list of which one slice cannot be read', () => {
  const set = setOf(slice('a', [bare('10.0.0.1')]), slice('b', [bare('10.0.0.2')]));
  const before = set.instances;
  const unreadable = [null] as unknown as SliceEndpoint[];
  expect(() => {
    set.replace([slice('a', [bare('10.0.0.3')]), slice('b', unreadable)]);
  }).toThrow(TypeError);
  expect(set.instances).toBe(before);
});

const remedy =
  'give the name of the right one in the target as :<name>, or for all Services in the registry URL as port=<name>';

describe('why a set is empty', () => {
  beforeEach(() => {
    // Slices of names are warned of, which is shown above.
    jest.spyOn(process, 'emitWarning').mockImplementation();
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const terminated = { addresses: ['10.0.0.1'], conditions: gone };
  it.each<[string, EndpointSlice[], string | undefined]>([
    [
      'no slice',
      [],
      "no EndpointSlice of Service 'metadata' exists: there is no such Service here, or it has no " +
        'selector, or it is of type ExternalName',
    ],
    [
      'slices without endpoints',
      [slice('s', null, { ports: null }), slice('t', [])],
      "Service 'metadata' has no endpoints: no pod matches its selector, or none has an address yet",
    ],
    [
      'only names',
      [slice('s', [bare('example.org')], { addressType: 'FQDN' }), slice('t', [])],
      "Service 'metadata' has only endpoints of the type FQDN, which are skipped",
    ],
    [
      'all are on their way out',
      [slice('s', [terminated]), slice('t', [])],
      "all endpoints of Service 'metadata' that have port 'http' terminate and do not serve",
    ],
    [
      'all that have the port are on their way out',
      [
        slice('s', [terminated]),
        slice('t', [bare('10.0.0.2')], { ports: [] }),
        slice('u', [bare('example.org')], { addressType: 'FQDN' }),
      ],
      "all endpoints of Service 'metadata' that have port 'http' terminate and do not serve",
    ],
    [
      'no address',
      [slice('s', [terminated, bare('')])],
      "no endpoint of Service 'metadata' has an address that can be called",
    ],
    [
      'no port, beside names',
      [
        slice('s', [bare('10.0.0.1')], { ports: null }),
        slice('t', [bare('example.org')], { addressType: 'FQDN' }),
      ],
      `no endpoint of Service 'metadata' has port 'http'; they have no port at all: ${remedy}`,
    ],
    ['an instance', [slice('s', [bare('10.0.0.1')])], undefined],
  ])('%s', (_, slices, reason) => {
    expect(setOf(...slices).emptyBecause).toBe(reason);
  });
});

describe('a port that is missing', () => {
  const begin = "no endpoint of Service 'metadata' has port 'http'; ";
  const end = `: ${remedy}`;

  it.each<[string, EndpointSlice[], string]>([
    [
      'is told with what is there',
      [
        slice('s', [bare('10.0.0.1')], { ports: [{ name: 'web', port: 80 }, { port: 9090 }] }),
        slice('t', [bare('10.0.0.2')], { ports: [{ name: 'web', port: 81 }, { name: 'any' }] }),
        slice('u', [bare('10.0.0.3')], { ports: [{ name: 'web', port: 80 }] }),
        slice('v', [], { ports: [{ name: 'of nobody', port: 1 }] }),
      ],
      "there are an unnamed port (9090), port 'any' (any number), port 'web' (80), port 'web' (81)",
    ],
    [
      'is told with ten at most',
      [
        slice('s', [bare('10.0.0.1')], {
          ports: Array.from({ length: 11 }, (_, i) => ({ name: 'p', port: 10 + i })),
        }),
      ],
      `there are ${Array.from({ length: 10 }, (_, i) => `port 'p' (${10 + i})`).join(', ')}, …`,
    ],
  ])('%s', (_, slices, ports) => {
    expect(setOf(...slices).emptyBecause).toBe(begin + ports + end);
  });
});
