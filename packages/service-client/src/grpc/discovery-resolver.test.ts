import type { experimental } from '@grpc/grpc-js';
import { createInstance, type InstanceState } from '@movies/discovery';
import { SourceFailure } from '@movies/discovery/adapter';
import { openTold } from '../../../discovery/src/testing/told-registry';
import { DiscoveryResolver } from './discovery-resolver';

const at = (id: string, port: number, state: InstanceState = 'ready') =>
  createInstance({ id, service: 'rating', host: '127.0.0.1', port, state });

/** A resolver as a channel has it; `told` has what it says: ports, or the status. */
function open(target = 'rating', onTold: (resolver: DiscoveryResolver) => void = () => undefined) {
  const { registry, sink, log, clock } = openTold({}, { maxStaleMs: 60_000 });
  const told: string[] = [];
  const listener: experimental.ResolverListener = (endpoints) => {
    told.push(
      endpoints.ok
        ? `[${endpoints.value.flatMap(({ addresses }) => addresses.map((address) => ('port' in address ? address.port : address.path))).join()}]`
        : `${endpoints.error.code} ${endpoints.error.details}`,
    );
    onTold(resolver);
    return true;
  };
  const resolver = new DiscoveryResolver(registry, target, listener, {});
  return { registry, sink, log, clock, told, resolver };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

test('nothing is watched before the channel asks, and nothing is told before the set is known', async () => {
  const { log, told, resolver, sink } = open();
  expect(log).toEqual([]);
  resolver.updateResolution();
  await settled();
  expect([log, told]).toEqual([['open rating'], []]);
  sink().publish([at('a', 1), at('b', 2)]);
  expect(told).toEqual(['[1,2]']);
  resolver.destroy();
});

test('asking again and again is neither an answer nor a watch more', async () => {
  const { log, told, resolver, sink } = open();
  resolver.updateResolution();
  sink().publish([at('a', 1)]);
  for (let i = 0; i < 10; i++) {
    resolver.updateResolution();
    await settled();
  }
  expect([log, told]).toEqual([['open rating'], ['[1]']]);
  resolver.destroy();
});

test('the ready are told, else the draining, else all', () => {
  const { told, resolver, sink } = open();
  resolver.updateResolution();
  sink().publish([at('a', 1), at('b', 2, 'draining'), at('c', 3, 'not_ready')]);
  sink().publish([at('a', 1, 'not_ready'), at('b', 2, 'draining'), at('c', 3, 'not_ready')]);
  sink().publish([at('a', 1, 'not_ready'), at('c', 3, 'not_ready')]);
  expect(told).toEqual(['[1]', '[2]', '[1,3]']);
  resolver.destroy();
});

test('a change that leaves the addresses is not told, and neither is a failure beside a set', () => {
  const { told, resolver, sink } = open();
  resolver.updateResolution();
  sink().publish([at('a', 1)]);
  sink().publish([at('a2', 1), at('b', 2, 'not_ready')]);
  sink().fail(new SourceFailure('refused', 'the registry is down'));
  expect(told).toEqual(['[1]']);
  resolver.destroy();
});

test('two instances at one address are one', () => {
  const { told, resolver, sink } = open();
  resolver.updateResolution();
  sink().publish([at('a', 1), at('b', 1), at('c', 2)]);
  expect(told).toEqual(['[1,2]']);
  resolver.destroy();
});

describe('is UNAVAILABLE with the service and the reason', () => {
  test('when the registry fails before it has told a set, and heals by itself', async () => {
    const { told, resolver, sink } = open();
    resolver.updateResolution();
    sink().fail(new SourceFailure('refused', 'connection refused'));
    sink().publish([at('a', 1)]);
    expect(told).toEqual([
      "14 the instances of 'rating' are not known: watching 'rating': connection refused",
      '[1]',
    ]);
    resolver.destroy();
  });

  test('when the set is empty', () => {
    const { told, resolver, sink } = open();
    resolver.updateResolution();
    sink().publish([at('a', 1)]);
    sink().publish([], { emptyBecause: 'the Service has no pods' });
    sink().fail(new SourceFailure('refused', 'connection refused'));
    sink().publish([]);
    expect(told).toEqual([
      '[1]',
      '[]',
      "14 no instance of 'rating' is registered: the Service has no pods",
      "14 no instance of 'rating' is registered: the Service has no pods (and may be old: watching 'rating': connection refused)",
      "14 no instance of 'rating' is registered",
    ]);
    resolver.destroy();
  });

  test('when the set is too old', async () => {
    const { told, resolver, sink, clock } = open();
    resolver.updateResolution();
    sink().publish([at('a', 1)]);
    sink().fail(new SourceFailure('refused', 'connection refused'));
    await clock.advance(60_000);
    expect(told.at(-1)).toContain("14 the instances of 'rating' are not known: ");
    resolver.destroy();
  });

  test('when the registry cannot have the target', async () => {
    const { told, resolver } = open('no target');
    resolver.updateResolution();
    await settled();
    expect(told.at(-1)).toMatch(
      /^14 the instances of 'no target' are not known: .* expected service/,
    );
    resolver.destroy();
  });

  test('when the registry is closed, before it is asked or after', async () => {
    const closed = "14 'rating' is not watched any more: the registry is closed";
    const { registry, told, resolver, sink } = open();
    resolver.updateResolution();
    sink().publish([at('a', 1)]);
    await registry.close();
    expect(told).toEqual(['[1]', '[]', closed]);
    resolver.destroy();
    resolver.updateResolution();
    await settled();
    expect(told).toEqual(['[1]', '[]', closed, closed]);
    resolver.destroy();
  });
});

test('destroying ends the watch in silence, twice is fine, and the channel may ask again', async () => {
  const { log, told, resolver, sink } = open();
  resolver.destroy();
  resolver.updateResolution();
  sink().publish([at('a', 1)]);
  resolver.destroy();
  resolver.destroy();
  await settled();
  expect([log, told]).toEqual([['open rating', 'close rating'], ['[1]']]);
  resolver.updateResolution();
  sink().publish([at('a', 1)]);
  expect(told).toEqual(['[1]', '[1]']);
  resolver.destroy();
});

test('a channel that closes while it is told an empty set is told no more', () => {
  let isClosing = false;
  const { told, resolver, sink } = open('rating', (told) => {
    if (isClosing) told.destroy();
  });
  resolver.updateResolution();
  sink().publish([at('a', 1)]);
  isClosing = true;
  sink().publish([]);
  expect(told).toEqual(['[1]', '[]']);
});
