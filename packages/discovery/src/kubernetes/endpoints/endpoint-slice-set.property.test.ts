import fc from 'fast-check';
import { isIPv6 } from 'node:net';
import { formatAddress } from '../../address';
import { createInstance, rankOfState, type Instance } from '../../instance';
import type { EndpointSlice, SliceEndpoint } from './endpoint-slice';
import { EndpointSliceSet } from './endpoint-slice-set';

/** Few names and addresses, and mostly what is usual, so that much is the same in two slices. */
const mostly = <T>(usual: T, ...others: T[]) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, fc.constantFrom(...others));

const endpoint: fc.Arbitrary<SliceEndpoint> = fc.record({
  addresses: fc
    .constantFrom('10.0.0.1', '10.0.0.1', '10.0.0.2', 'fd00::1', 'fd00::2', 'x', '')
    .chain((first) => mostly<string[] | null>([first], [first, '10.0.0.9'], [], null)),
  conditions: mostly(
    null,
    { ready: false },
    { ready: false, serving: true, terminating: true },
    { ready: true, serving: false },
    { ready: false, serving: false, terminating: true },
    { terminating: true },
  ),
  targetRef: mostly(
    null,
    { kind: 'Pod', name: 'a', uid: '11111111-1' },
    { kind: 'Pod', name: 'a', uid: '22222222-2' },
    { kind: 'Other', name: 'b', uid: '33333333-3' },
    { kind: 'Pod', name: 'c' },
  ),
  zone: mostly(null, 'zone-1'),
});

const slice: fc.Arbitrary<EndpointSlice> = fc.record({
  metadata: fc.record({ name: fc.constantFrom('s', 't', 'u') }),
  addressType: fc.constantFrom('IPv4', 'IPv4', 'IPv6'),
  endpoints: fc.oneof(
    { weight: 9, arbitrary: fc.array(endpoint, { maxLength: 4 }) },
    fc.constant(null),
  ),
  ports: mostly<EndpointSlice['ports'] & {}>(
    [{ name: 'http', port: 80 }],
    [
      { name: 'admin', port: 80 },
      { name: 'http', port: 81 },
    ],
    [{ port: 80 }],
    [{ name: 'http', port: 65_536 }],
    [{ name: 'http' }],
    [],
  ),
});

type Step =
  | { readonly put: EndpointSlice }
  | { readonly delete: string }
  | { readonly replace: readonly EndpointSlice[] };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ put: slice }) },
  { weight: 1, arbitrary: fc.record({ delete: fc.constantFrom('s', 't', 'u') }) },
  {
    weight: 1,
    arbitrary: fc.record({
      replace: fc.uniqueArray(slice, { maxLength: 3, selector: ({ metadata }) => metadata.name }),
    }),
  },
);

/** The slices after a step, by name. */
function after(slices: ReadonlyMap<string, EndpointSlice>, step: Step): Map<string, EndpointSlice> {
  if ('replace' in step) return new Map(step.replace.map((each) => [each.metadata.name, each]));
  const next = new Map(slices);
  if ('put' in step) next.set(step.put.metadata.name, step.put);
  else next.delete(step.delete);
  return next;
}

/** All there is in a slice, written down once more without any thought of speed. */
function read({ endpoints, ports }: EndpointSlice): Instance[] {
  const port = ports?.find(({ name }) => name === 'http')?.port ?? 0;
  if (port !== 80 && port !== 81) return [];
  const found = new Map<string, Instance>();
  for (const { addresses, conditions, targetRef, zone } of endpoints ?? []) {
    const host = addresses?.[0] ?? '';
    const ready = conditions?.ready !== false;
    const serving = conditions?.serving ?? ready;
    const terminating = conditions?.terminating === true;
    if (host.length < 2 || (terminating && !serving)) continue;
    const { kind, name = '', uid } = targetRef ?? {};
    const instance = createInstance({
      id: uid === undefined ? formatAddress({ host, port }) : `${name}.${uid.slice(0, 8)}`,
      service: 'metadata',
      host,
      port,
      state: terminating ? 'draining' : ready ? 'ready' : 'not_ready',
      ...(zone ? { zone } : {}),
      labels: kind === 'Pod' ? { pod: name } : {},
    });
    const twin = found.get(instance.id);
    if (!twin || orderOf(instance) < orderOf(twin)) found.set(instance.id, instance);
  }
  return [...found.values()];
}

/** As a text that sorts the better first. */
function orderOf({ state, host, port, id }: Instance, slice = ''): string {
  const family = isIPv6(host) ? 6 : 4;
  return [2 - rankOfState[state], family, slice, id, formatAddress({ host, port })].join(' ');
}

/** Best first over all slices, each id and each address once; then in order. */
function model(slices: ReadonlyMap<string, EndpointSlice>): Instance[] {
  const best = [...slices.values()]
    .flatMap((each) =>
      read(each).map((instance) => ({ instance, order: orderOf(instance, each.metadata.name) })),
    )
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .map(({ instance }) => instance);
  const result: Instance[] = [];
  for (const instance of best) {
    const taken = result.some(
      ({ id, host, port }) =>
        id === instance.id || (host === instance.host && port === instance.port),
    );
    if (!taken) result.push(instance);
  }
  return result.sort((a, b) => (a.id < b.id ? -1 : 1));
}

test('whatever comes in whatever order, the set is what its slices say', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      const set = new EndpointSliceSet({ service: 'metadata', port: 'http' });
      let slices: ReadonlyMap<string, EndpointSlice> = new Map<string, EndpointSlice>();
      for (const each of steps) {
        const before = set.instances;
        slices = after(slices, each);
        if ('put' in each) set.put(each.put);
        else if ('delete' in each) set.delete(each.delete);
        else set.replace(each.replace);

        const { instances } = set;
        const expected = model(slices);
        expect(instances).toEqual(expected);
        expect(set.emptyBecause === undefined).toBe(instances.length > 0);
        // What says the same as before is the same: each member that stood there, and the whole.
        const same = (a: Instance | undefined, b: Instance) =>
          JSON.stringify(a) === JSON.stringify(b);
        const old = new Map(before.map((instance) => [instance.id, instance]));
        const kept = instances.filter((instance) => same(old.get(instance.id), instance));
        for (const instance of kept) expect(instance).toBe(old.get(instance.id));
        const unchanged = kept.length === instances.length && kept.length === before.length;
        expect(instances === before).toBe(unchanged);
      }
    }),
    { numRuns: 1000 },
  );
});
