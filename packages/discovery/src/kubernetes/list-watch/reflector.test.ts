import { ManualClock, until } from '@movies/time/testing';
import { runSource } from '../../adapter/source';
import { SourceFailure } from '../../adapter/source-failure';
import type { KubeObject, ListRead, WatchEvent } from './list-watch';
import { isNewer, isOlder, Reflector, type ReflectorOptions } from './reflector';

const object = (name: string): KubeObject => ({ metadata: { name } });
const added = (name: string, version: string): WatchEvent<KubeObject> => ({
  type: 'ADDED',
  version,
  object: object(name),
});
const bookmark = (version: string): WatchEvent<KubeObject> => ({ type: 'BOOKMARK', version });
const expired = new SourceFailure('expired', 'too old');

interface Scripts {
  /** What the watches say, one each, and how they fail; one without a failure stays open. */
  readonly watches?: readonly (readonly (WatchEvent<KubeObject> | Error | 'close')[])[];
  /** The versions of the lists, one each, the last for all others; or how one fails. */
  readonly lists?: readonly (string | Error)[];
  readonly put?: (object: KubeObject) => void;
}

/** A reflector whose requests meet scripts; `told` is what its store and its sink hear. */
function reflect({ watches = [], lists = ['7'], put = () => undefined }: Scripts) {
  const clock = new ManualClock();
  const told: string[] = [];
  const asked: string[] = [];
  /** Lets the watch that is open say one thing more, whatever has become of its signal. */
  let sayMore: (event: WatchEvent<KubeObject>) => void = () => undefined;
  const count = (what: string) => asked.filter((each) => each.startsWith(what)).length;
  const listWatch: ReflectorOptions<KubeObject>['listWatch'] = {
    list: async (read) => {
      const answer = lists[Math.min(count('list'), lists.length - 1)] ?? '7';
      asked.push(`list ${nameOf(read)}`);
      if (typeof answer !== 'string') throw answer;
      return { version: answer, objects: [object('listed')] };
    },
    watch: async function* ({ version }) {
      const script = watches[count('watch')] ?? [];
      asked.push(`watch ${version}`);
      for (const each of script) {
        if (each === 'close') return;
        if (each instanceof Error) throw each;
        yield each;
      }
      yield await new Promise<WatchEvent<KubeObject>>((resolve) => {
        sayMore = resolve;
      });
    },
  };
  const random = () => 0.5;
  const reflector = new Reflector({
    listWatch,
    clock,
    random,
    store: {
      replace: (objects) =>
        told.push(`all: ${objects.map(({ metadata }) => metadata.name).join()}`),
      put: (each) => {
        put(each);
        told.push(`put ${each.metadata.name}`);
      },
      delete: (name) => told.push(`delete ${name}`),
      confirm: () => told.push('confirm'),
    },
  });
  const sink = {
    publish: () => undefined,
    fail: ({ kind, reason }: SourceFailure) => told.push(`fail: ${kind} ${reason}`),
  };
  const stop = new AbortController();
  const running = runSource(reflector, { sink, clock, random }, stop.signal);
  return {
    clock,
    told,
    asked,
    /** Ends it while a watch has one thing more to say. */
    close: async (last = bookmark('99')) => {
      stop.abort();
      sayMore(last);
      await running;
    },
  };
}

function nameOf(read: ListRead): string {
  return typeof read === 'string' ? read : `not older than ${read.notOlderThan}`;
}

it('confirms nothing by opening a watch, but by a bookmark', async () => {
  const { told, asked, close } = reflect({ watches: [[]] });
  await until(() => asked.length === 2);
  await close();
  expect(told).toEqual(['all: listed']);

  const second = reflect({ watches: [[bookmark('8')]] });
  await until(() => second.told.length === 2);
  expect(second.told).toEqual(['all: listed', 'confirm']);
  await second.close();
});

it('does not pass on what comes after close, though it was on its way', async () => {
  const { told, asked, close } = reflect({});
  await until(() => asked.length === 2);
  await close(added('late', '8'));
  expect(told).toEqual(['all: listed']);
});

it('passes over what it knows, and over what is older', async () => {
  const script = [
    added('a', '8'),
    added('a', '8'),
    added('old', '6'),
    added('b', '10'),
    bookmark('11'),
  ];
  const { told, close } = reflect({ watches: [script] });
  await until(() => told.length === 4);
  await close();
  expect(told.slice(1)).toEqual(['put a', 'put b', 'confirm']);
});

it('lists consistently when a bookmark shows that the server was set back', async () => {
  const { clock, told, asked, close } = reflect({
    watches: [[bookmark('5')]],
    lists: ['7', '3'],
  });
  await until(() => told.length === 2);
  expect(told[1]).toBe('fail: expired went_back');
  await clock.advance(2000);
  expect(asked).toEqual(['list any', 'watch 7', 'list consistent', 'watch 3']);
  await close();
});

it('lists consistently, and keeps what it has until then, when a list is older than it may be', async () => {
  const { clock, told, asked, close } = reflect({
    watches: [[added('a', '9'), expired]],
    lists: ['7', '8', '10'],
  });
  await clock.advance(5000);
  expect(asked).toEqual([
    'list any',
    'watch 7',
    'list not older than 9',
    'list consistent',
    'watch 10',
  ]);
  expect(told).toEqual([
    'all: listed',
    'put a',
    'fail: expired expired',
    'fail: expired went_back',
    'all: listed',
  ]);
  await close();
});

it('takes versions that are no numbers as they come, bookmarks too', async () => {
  const script = [bookmark('b-6'), added('a', 'b-5'), bookmark('b-4'), expired];
  const { clock, told, asked, close } = reflect({ watches: [script], lists: ['b-7', 'b-3'] });
  await clock.advance(1500);
  expect(told.slice(1, 4)).toEqual(['confirm', 'put a', 'confirm']);
  expect(asked).toEqual(['list any', 'watch b-7', 'list not older than b-4', 'watch b-3']);
  await close();
});

it('lists within a second after a version has expired, whatever the back-off', async () => {
  const { clock, asked, close } = reflect({
    watches: [[added('a', '8'), expired]],
    lists: [...Array.from({ length: 6 }, () => new SourceFailure('refused', 'no')), '7', '9'],
  });
  while (!asked.includes('watch 7')) await clock.advance(10);
  await clock.advance(1000);
  expect(asked.slice(-3)).toEqual(['watch 7', 'list not older than 8', 'watch 9']);
  await close();
});

it('takes a watch that was ended at once for a failure, unless it had an event', async () => {
  const { clock, told, close } = reflect({ watches: [['close'], [added('a', '8'), 'close']] });
  await clock.advance(10_000);
  expect(told).toEqual(['all: listed', 'fail: refused short_watch', 'put a']);
  await close();
});

it.each(['http_429', 'event_429'])(
  'spares a server that is too busy a consistent list: %s',
  async (reason) => {
    const tooBusy = new SourceFailure('refused', 'too many requests', { reason });
    const watches = Array.from({ length: 12 }, () => [tooBusy]);
    const lists = ['7', tooBusy, tooBusy, tooBusy, '8'];
    const { clock, asked, close } = reflect({ watches, lists });
    for (let i = 0; i < 20; i += 1) await clock.advance(30_000);
    await close();
    expect(asked).toContain('watch 8');
    expect(asked).not.toContain('list consistent');
  },
);

it('asks again for an event that its store could not take, and lists after three', async () => {
  const put = () => {
    throw new TypeError('not to be had');
  };
  const script = [added('a', '8')];
  const { clock, told, asked, close } = reflect({ watches: [script, script, script], put });
  await clock.advance(10_000);
  expect(asked).toEqual([
    'list any',
    'watch 7',
    'watch 7',
    'watch 7',
    'list not older than 7',
    'watch 7',
  ]);
  expect(told.filter((each) => each.startsWith('fail'))).toEqual(
    Array.from({ length: 3 }, () => 'fail: malformed internal'),
  );
  await close();
});

it.each([
  ['10', '9', true, false],
  ['9', '10', false, true],
  ['10', '10', false, false],
  // More digits than a number can hold.
  ['100000000000000000000000000000002', '100000000000000000000000000000001', true, false],
  ['99999999999999999999', '100000000000000000000', false, true],
  // No order is known: it is another one, and so it may well be newer.
  ['b-7', 'b-6', true, false],
  ['b-6', 'b-7', true, false],
  ['7', 'b-6', true, false],
  ['b-6', '7', true, false],
  ['b-6', 'b-6', false, false],
  ['-1', '5', true, false],
])('version %s against %s: newer %s, older %s', (candidate, known, newer, older) => {
  expect([isNewer(candidate, known), isOlder(candidate, known)]).toEqual([newer, older]);
});
