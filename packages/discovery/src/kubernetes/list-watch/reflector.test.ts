import { ManualClock, until } from '@movies/time/testing';
import type { WatchEvent } from './list-watch';
import type { KubeFailure } from '../api-server/kube-failure';
import type { KubeObject } from './kube-object';
import { Reflector, type ReflectorOptions } from './reflector';

const object = (name: string): KubeObject => ({ metadata: { name } });
const added = (name: string, version: string): WatchEvent<KubeObject> => ({
  type: 'ADDED',
  version,
  object: object(name),
});
const bookmark = (version: string): WatchEvent<KubeObject> => ({ type: 'BOOKMARK', version });

/** A reflector whose watches say what `scripts` say, one each, and then stay open; `told` is what its target hears. */
function reflect(
  scripts: readonly (readonly WatchEvent<KubeObject>[])[],
  {
    put = () => undefined,
    listVersion = '7',
  }: { put?: (object: KubeObject) => void; listVersion?: string } = {},
) {
  const clock = new ManualClock();
  const told: string[] = [];
  const asked: string[] = [];
  /** Lets the watches that are open say one thing more, whatever has become of their signal. */
  let sayMore: (event: WatchEvent<KubeObject>) => void = () => undefined;
  const collection: ReflectorOptions<KubeObject>['collection'] = {
    list: async (consistent) => {
      asked.push(consistent ? 'consistent list' : 'list');
      return { version: listVersion, objects: [object('listed')] };
    },
    watch: async function* ({ version }, _signal, onOpen) {
      const script = scripts[asked.filter((each) => each.startsWith('watch')).length] ?? [];
      asked.push(`watch ${version}`);
      onOpen();
      yield* script;
      yield await new Promise<WatchEvent<KubeObject>>((resolve) => {
        sayMore = resolve;
      });
    },
  };
  const reflector = new Reflector({
    collection,
    clock,
    random: () => 0.5,
    target: {
      replace: (objects) =>
        told.push(`all: ${objects.map(({ metadata }) => metadata.name).join()}`),
      put: (each) => {
        put(each);
        told.push(`put ${each.metadata.name}`);
      },
      delete: (name) => told.push(`delete ${name}`),
      confirm: () => told.push('confirm'),
      fail: ({ kind, reason }: KubeFailure) => told.push(`fail: ${kind} ${reason}`),
    },
  });
  return {
    clock,
    told,
    asked,
    reflector,
    say: (event: WatchEvent<KubeObject>) => {
      sayMore(event);
    },
  };
}

async function end(
  reflector: Reflector<KubeObject>,
  say: (event: WatchEvent<KubeObject>) => void,
): Promise<void> {
  const closing = reflector.close();
  say(bookmark('99'));
  await closing;
}

it('tells nothing in the turn in which it was made', async () => {
  const { reflector, told, say } = reflect([]);
  expect(told).toEqual([]);
  await until(() => told.length === 2);
  expect(told).toEqual(['all: listed', 'confirm']);
  await end(reflector, say);
});

it('does not pass on what comes after close, though it was on its way', async () => {
  const { reflector, told, say } = reflect([]);
  await until(() => told.length === 2);
  const closing = reflector.close();
  say(added('late', '8'));
  await closing;
  expect(told).toEqual(['all: listed', 'confirm']);
});

it('passes over what it knows, and over what is older', async () => {
  const script = [
    added('a', '8'),
    added('a', '8'),
    added('old', '6'),
    added('b', '10'),
    bookmark('11'),
  ];
  const { reflector, told, say } = reflect([script]);
  await until(() => told.length === 5);
  await end(reflector, say);
  expect(told.slice(2)).toEqual(['put a', 'put b', 'confirm']);
});

it('lists when a bookmark shows that the server was set back', async () => {
  const { clock, reflector, told, asked, say } = reflect([[bookmark('5')]]);
  await until(() => told.length === 3);
  expect(told[2]).toBe('fail: expired went_back');
  await clock.advance(1000);
  expect(asked).toEqual(['list', 'watch 7', 'consistent list', 'watch 7']);
  await end(reflector, say);
});

it('takes versions that are no numbers as they come, bookmarks too', async () => {
  const script = [bookmark('b-6'), added('a', 'b-5'), bookmark('b-4')];
  const { reflector, told, asked, say } = reflect([script], { listVersion: 'b-7' });
  await until(() => told.length === 5);
  expect(told.slice(2)).toEqual(['confirm', 'put a', 'confirm']);
  expect(asked).toEqual(['list', 'watch b-7']);
  await end(reflector, say);
});

it('asks again for an event that its target could not take, and lists after three', async () => {
  const put = () => {
    throw new TypeError('not to be had');
  };
  const script = [added('a', '8')];
  const { clock, reflector, told, asked, say } = reflect([script, script, script], { put });
  await clock.advance(10_000);
  expect(asked).toEqual(['list', 'watch 7', 'watch 7', 'watch 7', 'consistent list', 'watch 7']);
  expect(told.filter((each) => each.startsWith('fail'))).toEqual(
    Array.from({ length: 3 }, () => 'fail: garbled internal'),
  );
  await end(reflector, say);
});
