import type { DiscoveryError } from '../../discovery-error';
import type { Instance } from '../../instance';
import { ManualClock } from '@movies/time/testing';
import type { EndpointSlice } from './endpoint-slice';
import { EndpointSliceSet } from './endpoint-slice-set';
import { KubeFailure } from '../api-server/kube-failure';
import { KubernetesFeed } from './kubernetes-feed';
import { Reflector } from '../list-watch/reflector';

const slice = (name: string, address?: string, port = 'http'): EndpointSlice => ({
  metadata: { name },
  addressType: 'IPv4',
  ports: [{ name: port, port: 80 }],
  endpoints: address === undefined ? [] : [{ addresses: [address] }],
});

const failure = new KubeFailure('lost', 'the connection broke', { reason: 'lost' });

/** A feed that the test tells things as its reflector would, and what comes of it. */
function open() {
  const clock = new ManualClock();
  const said: string[] = [];
  const feed = new KubernetesFeed<EndpointSlice>({
    service: 'metadata',
    namespace: () => 'movies',
    set: new EndpointSliceSet({ service: 'metadata', port: 'http' }),
    objects: {
      replace: (set, slices) => {
        set.replace(slices);
      },
      put: (set, each) => {
        set.put(each);
      },
      delete: (set, name) => {
        set.delete(name);
      },
    },
    sink: {
      publish: (instances: readonly Instance[], emptyBecause?: string) => {
        said.push(instances.map(({ host }) => host).join(' ') || `empty: ${emptyBecause ?? '?'}`);
      },
      fail: ({ message }: DiscoveryError, reason: string) => {
        said.push(`${reason}: ${message}`);
      },
    },
    clock,
    // Its own reflector asks for a list that never comes.
    reflect: (target) =>
      new Reflector({
        collection: {
          list: (_, signal) =>
            new Promise((_resolve, reject) => {
              signal.throwIfAborted();
              signal.addEventListener('abort', () => {
                reject(new Error('closed'));
              });
            }),
          watch: () => {
            throw new TypeError('no list has come');
          },
        },
        target,
        clock,
        random: () => 0.5,
      }),
  });
  return { clock, said, feed };
}

it('publishes a list at once', () => {
  const { feed, said } = open();
  feed.replace([slice('a', '10.0.0.1'), slice('b', '10.0.0.2')]);
  expect(said).toEqual(['10.0.0.1 10.0.0.2']);
});

it('publishes the first event after a quiet time at once, and those within 10 ms as one', async () => {
  const { clock, feed, said } = open();
  feed.replace([]);
  said.length = 0;
  await clock.advance(1000);
  feed.put(slice('a', '10.0.0.1'));
  await clock.advance(0);
  expect(said).toEqual(['10.0.0.1']);

  await clock.advance(2);
  feed.put(slice('b', '10.0.0.2'));
  await clock.advance(3);
  feed.put(slice('c', '10.0.0.3'));
  feed.delete('a');
  await clock.advance(4);
  expect(said).toHaveLength(1);
  await clock.advance(1);
  expect(said.slice(1)).toEqual(['10.0.0.2 10.0.0.3']);
  await clock.advance(1000);
  expect(said).toHaveLength(2);
});

it('publishes what waits before a failure, and the failure beside it', () => {
  const { feed, said } = open();
  feed.replace([slice('a', '10.0.0.1')]);
  feed.put(slice('a', '10.0.0.2'));
  feed.fail(failure);
  expect(said).toEqual(['10.0.0.1', '10.0.0.2', "lost: watching 'metadata': the connection broke"]);
});

it('publishes the same set again when it is confirmed, which ends a failure', () => {
  const { feed, said } = open();
  feed.replace([slice('a', '10.0.0.1')]);
  feed.fail(failure);
  feed.confirm();
  expect(said.at(-1)).toBe('10.0.0.1');
});

it('says why a set is empty', () => {
  const { feed, said } = open();
  feed.replace([]);
  feed.replace([slice('a')]);
  expect(said).toEqual([
    expect.stringContaining("empty: in the namespace 'movies' no EndpointSlice of Service"),
    expect.stringContaining("empty: in the namespace 'movies' Service 'metadata' has no endpoints"),
  ]);
});

describe('a port that no endpoint has', () => {
  const missing = expect.stringMatching(
    /^missing_port: .*in the namespace 'movies' .*has port 'http'; there are port 'web'/,
  ) as string;

  it('is a failure and no empty set, until there is one', async () => {
    const { clock, feed, said } = open();
    feed.replace([slice('a', '10.0.0.1', 'web')]);
    expect(said).toEqual([missing]);
    feed.put(slice('a', '10.0.0.1'));
    await clock.advance(10);
    expect(said.slice(1)).toEqual(['10.0.0.1']);
  });

  it('is told once, and again only after something else was', () => {
    const { feed, said } = open();
    feed.replace([slice('a', '10.0.0.1', 'web')]);
    feed.confirm();
    feed.confirm();
    expect(said).toEqual([missing]);
    feed.fail(failure);
    feed.confirm();
    expect(said.slice(2)).toEqual([missing]);
  });
});

it('says nothing more once it is closed, and leaves no timer', async () => {
  const { clock, feed, said } = open();
  feed.replace([slice('a', '10.0.0.1')]);
  feed.put(slice('a', '10.0.0.2'));
  await Promise.all([feed.close(), feed.close()]);
  await clock.advance(1000);
  expect(said).toEqual(['10.0.0.1']);
  expect(clock.pending).toBe(0);
});
