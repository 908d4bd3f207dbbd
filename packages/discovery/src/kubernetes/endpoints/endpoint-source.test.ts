import { ManualClock } from '@movies/time/testing';
import { SourceFailure } from '../../adapter/source-failure';
import type { Instance } from '../../instance';
import type { EndpointSlice } from './endpoint-slice';
import { EndpointSource } from './endpoint-source';

const slice = (name: string, address?: string, port = 'http'): EndpointSlice => ({
  metadata: { name },
  addressType: 'IPv4',
  ports: [{ name: port, port: 80 }],
  endpoints: address === undefined ? [] : [{ addresses: [address] }],
});

/** A source that the test tells things as its reflector would, and what comes of it. */
function open() {
  const clock = new ManualClock();
  const said: string[] = [];
  const sets: (readonly Instance[])[] = [];
  let failList: (error: Error) => void = () => undefined;
  const source = new EndpointSource({
    service: 'metadata',
    port: 'http',
    listWatch: {
      namespace: 'movies',
      list: (_, signal) =>
        new Promise((_resolve, reject) => {
          failList = reject;
          signal.addEventListener('abort', () => {
            reject(new Error('aborted'));
          });
        }),
      watch: () => {
        throw new TypeError('no list has come');
      },
    },
    sink: {
      publish: (instances, { emptyBecause = '?' } = {}) => {
        sets.push(instances);
        said.push(instances.map(({ host }) => host).join(' ') || `empty: ${emptyBecause}`);
      },
      fail: ({ message }) => {
        said.push(message);
      },
    },
    clock,
    random: () => 0.5,
  });
  return {
    clock,
    said,
    sets,
    source,
    failList: (error: Error) => {
      failList(error);
    },
  };
}

it('publishes a list at once', () => {
  const { source, said } = open();
  source.replace([slice('a', '10.0.0.1'), slice('b', '10.0.0.2')]);
  expect(said).toEqual(['10.0.0.1 10.0.0.2']);
});

it('publishes the first event after a quiet time at once, and those within 10 ms as one', async () => {
  const { clock, source, said } = open();
  source.replace([]);
  said.length = 0;
  await clock.advance(1000);
  source.put(slice('a', '10.0.0.1'));
  await clock.advance(0);
  expect(said).toEqual(['10.0.0.1']);

  await clock.advance(2);
  source.put(slice('b', '10.0.0.2'));
  await clock.advance(3);
  source.put(slice('c', '10.0.0.3'));
  source.delete('a');
  await clock.advance(4);
  expect(said).toHaveLength(1);
  await clock.advance(1);
  expect(said.slice(1)).toEqual(['10.0.0.2 10.0.0.3']);
  await clock.advance(1000);
  expect(said).toHaveLength(2);
});

it('publishes what waits before the turn fails, and nothing after it', async () => {
  const { clock, source, said, failList } = open();
  const turn = source.turn(new AbortController().signal);
  source.replace([slice('a', '10.0.0.1')]);
  source.put(slice('a', '10.0.0.2'));
  failList(new SourceFailure('lost', 'the connection broke'));
  await expect(turn).rejects.toThrow('the connection broke');
  expect(said).toEqual(['10.0.0.1', '10.0.0.2']);
  await clock.advance(1000);
  expect(said).toHaveLength(2);
});

it('publishes the very same set when it is confirmed', () => {
  const { source, sets } = open();
  source.replace([slice('a', '10.0.0.1')]);
  source.confirm();
  expect(sets).toHaveLength(2);
  expect(sets[1]).toBe(sets[0]);
});

it('says where and why a set is empty', () => {
  const { source, said } = open();
  source.replace([]);
  source.replace([slice('a')]);
  expect(said).toEqual([
    expect.stringContaining("empty: in the namespace 'movies' no EndpointSlice of Service"),
    expect.stringContaining("empty: in the namespace 'movies' Service 'metadata' has no endpoints"),
  ]);
});

it('empties the set where no endpoint has the port any more, and says which there are', () => {
  const { source, said } = open();
  source.replace([slice('a', '10.0.0.1')]);
  source.replace([slice('a', '10.0.0.2', 'web')]);
  expect(said.slice(1)).toEqual([
    expect.stringMatching(
      /^empty: in the namespace 'movies' .*has port 'http'; there are port 'web' \(80\).*in the target as :<name>/,
    ),
  ]);
});

it('takes an Endpoints object with all its subsets in place of what it was', async () => {
  const { clock, source, said } = open();
  const subset = (ip: string) => ({
    addresses: [{ ip }],
    ports: [{ name: 'http', port: 80 }],
  });
  const metadata = { name: 'metadata' };
  source.replace([{ metadata, subsets: [subset('10.0.0.1'), subset('10.0.0.2')] }]);
  source.put({ metadata, subsets: [subset('10.0.0.2')] });
  await clock.advance(10);
  source.put({ metadata });
  await clock.advance(10);
  source.delete('metadata');
  await clock.advance(10);
  expect(said).toEqual([
    '10.0.0.1 10.0.0.2',
    '10.0.0.2',
    expect.stringContaining("Service 'metadata' has no endpoints"),
    expect.stringContaining("no EndpointSlice of Service 'metadata' exists"),
  ]);
});

it('says nothing more once its signal is aborted, and leaves no timer', async () => {
  const { clock, source, said } = open();
  const abort = new AbortController();
  const turn = source.turn(abort.signal);
  source.replace([slice('a', '10.0.0.1')]);
  source.put(slice('a', '10.0.0.2'));
  abort.abort();
  await Promise.all([expect(turn).rejects.toThrow('aborted'), clock.advance(1000)]);
  source.close();
  expect(said).toEqual(['10.0.0.1']);
  expect(clock.pending).toBe(0);
});
