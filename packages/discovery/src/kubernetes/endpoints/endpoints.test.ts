import { EndpointSliceSet } from './endpoint-slice-set';
import { slicesOfEndpoints, type Endpoints } from './endpoints';

const metadata = { name: 'metadata', resourceVersion: '7' };
const ports = [{ name: 'http', port: 8080 }];
const pod = (name: string) => ({ kind: 'Pod', name, uid: `${name}-uid-01234567` });

function told(endpoints: Endpoints): string[] {
  const set = new EndpointSliceSet({ service: 'metadata', port: 'http' });
  set.replace(slicesOfEndpoints(endpoints));
  return set.instances.map(({ id, host, port, state }) => `${id} ${host}:${port} ${state}`);
}

describe('slicesOfEndpoints', () => {
  it('makes a slice of each subset and address family', () => {
    const a = { ip: '10.0.0.1', nodeName: 'node-1', targetRef: pod('a') };
    const b = { ip: 'fd00::2' };
    const c = { ip: '10.0.0.3' };
    const admin = [{ port: 9090 }];
    const subsets = [
      { addresses: [a, b], ports },
      { notReadyAddresses: [c], ports: admin },
    ];
    const nothing = { nodeName: null, targetRef: null };
    const [isReady, isNotReady] = [{ ready: true }, { ready: false }].map((conditions) => ({
      conditions,
    }));
    expect(slicesOfEndpoints({ metadata, subsets })).toEqual([
      {
        metadata: { name: 'metadata-0-ipv4' },
        addressType: 'IPv4',
        endpoints: [
          { addresses: ['10.0.0.1'], nodeName: 'node-1', targetRef: pod('a'), ...isReady },
        ],
        ports,
      },
      {
        metadata: { name: 'metadata-0-ipv6' },
        addressType: 'IPv6',
        endpoints: [{ addresses: ['fd00::2'], ...nothing, ...isReady }],
        ports,
      },
      {
        metadata: { name: 'metadata-1-ipv4' },
        addressType: 'IPv4',
        endpoints: [{ addresses: ['10.0.0.3'], ...nothing, ...isNotReady }],
        ports: admin,
      },
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
  ])('makes one slice without endpoints of %s: there is such a Service', (_, subsets) => {
    const slices = slicesOfEndpoints({ metadata, ...(subsets === undefined ? {} : { subsets }) });
    expect(slices).toEqual([{ metadata, addressType: 'IPv4' }]);
    const set = new EndpointSliceSet({ service: 'metadata', port: 'http' });
    set.replace(slices);
    expect(set.emptyBecause).toMatch(/^Service 'metadata' has no endpoints/);
  });
});
