import { EndpointSliceSet } from './endpoint-slice-set';
import {
  checkEndpoints,
  checkEndpointSlice,
  slicesOfEndpoints,
  type Endpoints,
} from './endpoint-slice';

const metadata = { name: 'metadata', resourceVersion: '7' };
const ports = [{ name: 'http', port: 8080 }];
const pod = (name: string) => ({ kind: 'Pod', name, uid: `${name}-uid-01234567` });

function told(endpoints: Endpoints): string[] {
  const set = new EndpointSliceSet({ service: 'metadata', port: 'http' });
  set.replace(slicesOfEndpoints(endpoints));
  return set.instances.map(({ id, host, port, state }) => `${id} ${host}:${port} ${state}`);
}

describe('slicesOfEndpoints', () => {
  it('makes a slice of each subset, of both families', () => {
    const a = { ip: '10.0.0.1', nodeName: 'node-1', targetRef: pod('a') };
    const b = { ip: 'fd00::2' };
    const c = { ip: '10.0.0.3' };
    const admin = [{ port: 9090 }];
    const subsets = [
      { addresses: [a, b], ports },
      { notReadyAddresses: [c], ports: admin },
    ];
    const [isReady, isNotReady] = [{ ready: true }, { ready: false }].map((conditions) => ({
      conditions,
    }));
    expect(slicesOfEndpoints({ metadata, subsets })).toEqual([
      {
        metadata,
        addressType: 'IP',
        endpoints: [
          { addresses: ['10.0.0.1'], nodeName: 'node-1', targetRef: pod('a'), ...isReady },
          { addresses: ['fd00::2'], ...isReady },
        ],
        ports,
      },
      {
        metadata,
        addressType: 'IP',
        endpoints: [{ addresses: ['10.0.0.3'], ...isNotReady }],
        ports: admin,
      },
    ]);
  });

  it('leaves a pod of both families one instance, at its IPv4 address', () => {
    const addresses = ['fd00::1', '10.0.0.1'].map((ip) => ({ ip, targetRef: pod('a') }));
    expect(told({ metadata, subsets: [{ addresses, ports }] })).toEqual([
      'a.a-uid-01 10.0.0.1:8080 ready',
    ]);
  });

  it('tells the ready from those that are not', () => {
    const subset = {
      addresses: [{ ip: '10.0.0.1', targetRef: pod('a') }],
      notReadyAddresses: [{ ip: '10.0.0.2' }],
      ports,
    };
    expect(told({ metadata, subsets: [subset] })).toEqual([
      '10.0.0.2:8080 10.0.0.2:8080 not_ready',
      'a.a-uid-01 10.0.0.1:8080 ready',
    ]);
  });

  it('takes the port by name from each subset', () => {
    const subsets = [
      { addresses: [{ ip: '10.0.0.1' }], ports },
      { addresses: [{ ip: '10.0.0.2' }], ports: [{ name: 'http', port: 81 }] },
      { addresses: [{ ip: '10.0.0.3' }], ports: null },
    ];
    expect(told({ metadata, subsets })).toEqual([
      '10.0.0.1:8080 10.0.0.1:8080 ready',
      '10.0.0.2:81 10.0.0.2:81 ready',
    ]);
  });

  it.each<[string, Endpoints['subsets']]>([
    ['no subsets', undefined],
    ['null for subsets', null],
    ['an empty list', []],
    ['a subset without addresses', [{ addresses: null, notReadyAddresses: null, ports }]],
  ])('makes a slice without endpoints of %s: there is such a Service', (_, subsets) => {
    const slices = slicesOfEndpoints({ metadata, ...(subsets === undefined ? {} : { subsets }) });
    expect(slices).toHaveLength(1);
    const set = new EndpointSliceSet({ service: 'metadata', port: 'http' });
    set.replace(slices);
    expect(set.emptyBecause).toMatch(/^Service 'metadata' has no endpoints/);
  });
});

it.each([
  ['subsets that are no list', { subsets: {} }],
  ['addresses that are no list', { subsets: [{ addresses: '10.0.0.1' }] }],
  ['addresses that are no list, not ready', { subsets: [{ notReadyAddresses: {} }] }],
  ['ports that are no list', { subsets: [{ ports: 'http' }] }],
])('an object with %s is no Endpoints object', (_, fields) => {
  expect(() => {
    checkEndpoints({ metadata: { name: 'a' }, ...fields });
  }).toThrow(TypeError);
});

it.each([{}, { subsets: null }, { subsets: [{}] }, { subsets: [{ addresses: null }] }])(
  'and %j is one',
  (fields) => {
    checkEndpoints({ metadata: { name: 'a' }, ...fields });
  },
);

describe('an object is no EndpointSlice', () => {
  it.each([
    ['without an addressType', { endpoints: [] }],
    ['with endpoints that are no list', { addressType: 'IPv4', endpoints: 'oops' }],
    ['with ports that are no list', { addressType: 'IPv4', ports: {} }],
  ])('%s', (_, fields) => {
    expect(() => {
      checkEndpointSlice({ metadata: { name: 'a' }, ...fields });
    }).toThrow(TypeError);
  });

  it('and is one with lists that Go wrote as null, or left out', () => {
    checkEndpointSlice({
      metadata: { name: 'a' },
      ...{ addressType: 'IPv4', endpoints: null, ports: null },
    });
    checkEndpointSlice({ metadata: { name: 'a' }, ...{ addressType: 'IPv4' } });
  });
});
