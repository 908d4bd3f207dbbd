import type { EndpointSlice, SliceEndpoint } from './endpoint-slice';
import { EndpointSliceSet } from './endpoint-slice-set';

const gone = { ready: false, serving: false, terminating: true };

function slice(
  name: string,
  endpoints: readonly SliceEndpoint[] | null,
  more: Partial<EndpointSlice> = {},
): EndpointSlice {
  const ports = [{ name: 'http', port: 8080 }];
  return { metadata: { name }, addressType: 'IPv4', ports, endpoints, ...more };
}

function bare(address: string): SliceEndpoint {
  return { addresses: [address] };
}

function setOf(...slices: EndpointSlice[]): EndpointSliceSet {
  const set = new EndpointSliceSet({ service: 'metadata', port: 'http' });
  set.replace(slices);
  return set;
}

beforeEach(() => {
  // Slices of names are warned of, which is shown elsewhere.
  jest.spyOn(process, 'emitWarning').mockImplementation();
});

afterEach(() => {
  jest.restoreAllMocks();
});

const remedy =
  'give the name of the right one in the target as :<name>, or for all Services in the registry URL as port=<name>';

describe('why a set is empty', () => {
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
