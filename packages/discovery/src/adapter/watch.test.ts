import { getEventListeners } from 'node:events';
import { createInstance } from '../instance';
import type { ServiceWatch } from '../registry';
import type { View } from '../view';
import { down, openTold } from '../testing/told-registry';

const instance = createInstance({ id: 'a', service: 'metadata', host: 'localhost', port: 8081 });
const settled = () => new Promise(setImmediate);

function open() {
  const told = openTold();
  return { ...told, watch: told.registry.watch('metadata') };
}

/** The states a listener hears, as `known 1`. */
function record(watch: ServiceWatch, options?: { readonly signal: AbortSignal }): string[] {
  const heard: string[] = [];
  watch.subscribe((view) => heard.push(describeView(view)), options);
  return heard;
}

function describeView(view: View): string {
  if (view.state === 'closed') return 'closed';
  const what = view.state === 'known' ? `known ${view.version}` : 'unknown';
  return view.failure === undefined ? what : `${what} failed`;
}

describe('subscribe', () => {
  it('tells the present view soon, a change at once, and the end last', async () => {
    const { watch, sink, registry } = open();
    sink().publish([instance]);
    const heard = record(watch);
    expect(heard).toEqual([]);
    await settled();
    expect(heard).toEqual(['known 1']);
    sink().fail(down);
    sink().publish([]);
    await watch.close();
    sink().publish([instance]);
    expect(heard).toEqual(['known 1', 'known 1 failed', 'known 2', 'closed']);
    await registry.close();
  });

  it('tells nothing as long as nothing is known, and a failure before the first set', async () => {
    const { watch, sink, registry } = open();
    const heard = record(watch);
    await settled();
    expect(heard).toEqual([]);
    sink().fail(down);
    expect(heard).toEqual(['unknown failed']);
    await registry.close();
  });

  it('tells a change that comes before the present view in its place', async () => {
    const { watch, sink, registry } = open();
    sink().publish([]);
    const heard = record(watch);
    sink().publish([instance]);
    await settled();
    expect(heard).toEqual(['known 2']);
    await registry.close();
  });

  it('ends with the function that it returns, in any call, or with a signal', async () => {
    const { watch, sink, registry } = open();
    sink().publish([]);
    const stop = new AbortController();
    const bySignal = record(watch, stop);
    const byFunction: View[] = [];
    const end = watch.subscribe((view) => {
      byFunction.push(view);
      end();
    });
    await settled();
    stop.abort();
    sink().publish([instance]);
    await watch.close();
    expect([bySignal, byFunction.length]).toEqual([['known 1'], 1]);
    expect(record(watch, { signal: AbortSignal.abort() })).toEqual([]);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    await registry.close();
  });

  it('tells a listener that closes the watch the end, and nothing after it', async () => {
    const { watch, sink, registry } = open();
    const other = registry.watch('metadata');
    sink().publish([]);
    const heard: string[] = [];
    watch.subscribe((view) => {
      heard.push(describeView(view));
      void watch.close();
    });
    await settled();
    sink().publish([instance]);
    expect(heard).toEqual(['known 1', 'closed']);
    expect(other.view).toMatchObject({ version: 2 });
    await registry.close();
  });

  it('is silent from the moment that close is called', async () => {
    const { watch, sink, registry } = open();
    const other = registry.watch('metadata');
    const heard = [record(watch), record(other)];
    void watch.close();
    void registry.close();
    sink().publish([instance]);
    await registry.close();
    expect(heard).toEqual([['closed'], ['closed']]);
  });

  it('reports a listener that throws as a warning, and tells the others', async () => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation();
    const { watch, sink, registry } = open();
    watch.subscribe(({ state }) => {
      if (state === 'known') throw new Error('a bad listener');
    });
    const heard = record(watch);
    sink().publish([]);
    const warnings = emitWarning.mock.calls;
    emitWarning.mockRestore();
    expect(heard).toEqual(['known 1']);
    expect(warnings).toEqual([
      [
        "a listener of service 'metadata' threw: Error: a bad listener",
        { code: 'DISCOVERY_LISTENER', detail: expect.stringContaining('.test.ts') as string },
      ],
    ]);
    await registry.close();
  });
});

describe('synced', () => {
  it('resolves with the first set, or the one that is known', async () => {
    const { watch, sink, clock, registry } = open();
    const waiting = watch.synced();
    await settled();
    const before = clock.pending;
    sink().publish([instance]);
    expect((await waiting).instances).toEqual([instance]);
    expect(await watch.synced()).toBe(watch.view);
    expect(clock.pending).toBe(before - 1);
    await registry.close();
  });

  it.each([
    [{}, 5000],
    [{ timeoutMs: 200 }, 200],
    [{ timeoutMs: 2 ** 32 }, 2 ** 32],
  ])('with %j rejects with registry_unavailable after %d ms', async (options, limitMs) => {
    const { watch, clock, registry } = open();
    const ended: unknown[] = [];
    watch.synced(options).catch((error: unknown) => ended.push(error));
    await clock.advance(limitMs - 1);
    expect(ended).toEqual([]);
    await clock.advance(1);
    expect(ended).toMatchObject([
      {
        code: 'registry_unavailable',
        message: `the instances of 'metadata' are not known after ${limitMs} ms: the registry has not answered yet`,
      },
    ]);
    await registry.close();
  });

  it.each([NaN, -1])('refuses to wait %d ms', async (timeoutMs) => {
    const { watch, registry } = open();
    await expect(watch.synced({ timeoutMs })).rejects.toMatchObject({
      code: 'invalid_options',
      message: expect.stringContaining("'timeoutMs'") as string,
    });
    await registry.close();
  });

  it('gives the failure of the registry as the cause of its own', async () => {
    const { watch, clock, sink, registry } = open();
    const rejected = expect(watch.synced({ timeoutMs: 200 })).rejects.toMatchObject({
      message: expect.stringMatching(/after 200 ms: .*the registry is down/) as string,
      cause: { cause: down },
    });
    sink().fail(down);
    await clock.advance(200);
    await rejected;
    await registry.close();
  });

  it('that fails fast rejects with a failure that is known, or the next one', async () => {
    const { watch, sink, registry } = open();
    const options = { failFast: true, timeoutMs: Infinity };
    const rejected = expect(watch.synced(options)).rejects.toThrow('the registry is down');
    sink().fail(down);
    await rejected;
    await expect(watch.synced(options)).rejects.toThrow('the registry is down');
    await registry.close();
  });

  it('rejects with the reason when it is aborted, and leaves nothing behind', async () => {
    const { watch, registry } = open();
    const reason = new Error('no longer wanted');
    const controller = new AbortController();
    const waiting = watch.synced({ signal: controller.signal });
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    await registry.close();
  });

  it.each(['watch', 'registry'] as const)('rejects when the %s is closed', async (which) => {
    const opened = open();
    const { signal } = new AbortController();
    const rejected = expect(opened.watch.synced({ signal })).rejects.toMatchObject({
      code: 'closed',
    });
    await opened[which].close();
    await rejected;
    await opened.registry.close();
    expect(opened.clock.pending).toBe(0);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

describe('iterating a watch', () => {
  it('gives the newest set to a slow reader, each once, and ends when it is closed', async () => {
    const { watch, sink, registry } = open();
    const versions: number[] = [];
    const done = (async () => {
      for await (const { version } of watch) {
        versions.push(version);
        await settled();
      }
    })();
    sink().publish([]);
    await settled();
    sink().publish([instance]);
    sink().publish([]);
    sink().publish([instance]);
    await settled();
    sink().publish([instance]);
    await settled();
    await registry.close();
    await done;
    expect(versions).toEqual([1, 4]);
  });

  it('ends a wait for the next set when the reader leaves', async () => {
    const { watch, registry } = open();
    const iterator = watch[Symbol.asyncIterator]();
    const waiting = iterator.next();
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    await registry.close();
  });

  it('settles each of several waits that are begun at once', async () => {
    const { watch, sink, registry } = open();
    const iterator = watch[Symbol.asyncIterator]();
    const versions: (number | undefined)[] = [];
    const waits = [1, 2, 3].map(async () => {
      const next = await iterator.next();
      versions.push(next.done === true ? undefined : next.value.version);
    });
    sink().fail(down);
    await settled();
    sink().publish([instance]);
    await settled();
    sink().publish([]);
    await settled();
    expect(versions).toEqual([1, 2]);
    await registry.close();
    await settled();
    expect(versions).toEqual([1, 2, undefined]);
    await Promise.all(waits);
  });

  it('subscribes no longer after a reader has left', async () => {
    const { watch, sink, registry } = open();
    sink().publish([instance]);
    for await (const { instances } of watch) {
      expect(instances).toEqual([instance]);
      break;
    }
    expect(watch.view.state).toBe('known');
    await registry.close();
  });
});

describe('a watch', () => {
  it('closes when it leaves its scope, or its signal is aborted', async () => {
    const { registry, log } = openTold();
    const stop = new AbortController();
    {
      await using watch = registry.watch('metadata');
      expect(watch.service).toBe('metadata');
    }
    const watch = registry.watch('rating', { signal: stop.signal });
    stop.abort();
    expect(watch.view.state).toBe('closed');
    await registry.close();
    expect(log).toEqual([
      'open metadata',
      'close metadata',
      'open rating',
      'close rating',
      'release',
    ]);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });
});
