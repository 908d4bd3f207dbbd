import { getEventListeners } from 'node:events';
import { DiscoveryError } from '../discovery-error';
import { createInstance } from '../instance';
import { ManualClock } from '@movies/time/testing';
import type { SnapshotSink } from './snapshot-store';
import { WatchedRegistry, type WatchedRegistryOptions } from './watched-registry';

const instance = createInstance({ id: 'a', service: 'metadata', host: 'localhost', port: 8081 });
const down = new DiscoveryError('registry_unavailable', 'the registry is down');

/** A registry over feeds that do what the test tells; `log` has what happened to them, in order. */
function open(options: Partial<WatchedRegistryOptions> = {}) {
  const clock = new ManualClock();
  const log: string[] = [];
  const sinks: SnapshotSink[] = [];
  const registry = new WatchedRegistry({
    clock,
    openFeed: (service, sink) => {
      log.push(`open ${service}`);
      sinks.push(sink);
      return {
        close: async () => {
          log.push(`close ${service}`);
        },
      };
    },
    release: async () => {
      log.push('release');
    },
    ...options,
  });
  const lastSink = () => {
    const sink = sinks.at(-1);
    if (sink === undefined) throw new Error('no feed was opened');
    return sink;
  };
  return { registry, clock, log, lastSink };
}

describe('WatchedRegistry', () => {
  it('opens one feed for many watches of a service, and closes it with the last one', async () => {
    const { registry, log } = open();
    const [first, second] = [registry.watch('metadata'), registry.watch('metadata')];
    registry.watch('rating');
    expect(log).toEqual(['open metadata', 'open rating']);
    await first.close();
    await first.close();
    expect(log).toEqual(['open metadata', 'open rating']);
    await second.close();
    expect(log).toEqual(['open metadata', 'open rating', 'close metadata']);
    await registry.close();
  });

  it('opens a new feed, which knows nothing yet, for a watch after the last one closed', async () => {
    const { registry, log, lastSink } = open();
    const before = registry.watch('metadata');
    lastSink().publish([instance]);
    await before.close();
    const after = registry.watch('metadata');
    expect(log).toEqual(['open metadata', 'close metadata', 'open metadata']);
    expect(after.snapshot).toBeUndefined();
    await registry.close();
  });

  it('closes the watch that leaves its scope', async () => {
    const { registry, log } = open();
    {
      await using watch = registry.watch('metadata');
      expect(watch.service).toBe('metadata');
    }
    expect(log).toEqual(['open metadata', 'close metadata']);
    await registry.close();
  });

  it('keeps one watch for all calls of discover until it is closed', async () => {
    const { registry, log, lastSink } = open();
    const first = registry.discover('metadata');
    lastSink().publish([instance]);
    expect(await first).toEqual([instance]);
    expect(await registry.discover('metadata')).toEqual([instance]);
    expect(log).toEqual(['open metadata']);
    await registry.close();
    expect(log).toEqual(['open metadata', 'close metadata', 'release']);
  });

  it('frees what feeds share once, after the last of them has closed', async () => {
    const log: string[] = [];
    const feeds: (() => void)[] = [];
    const { registry } = open({
      openFeed: () => ({
        close: () =>
          new Promise((resolve) => {
            feeds.push(() => {
              log.push('feed closed');
              resolve();
            });
          }),
      }),
      release: async () => {
        log.push('release');
      },
    });
    const watch = registry.watch('metadata');
    registry.watch('rating');
    // One is closing already when the registry is closed, and is waited for too.
    const closing = [watch.close(), registry.close(), registry.close()];
    feeds.pop()?.();
    await new Promise(setImmediate);
    expect(log).toEqual(['feed closed']);
    feeds.pop()?.();
    await Promise.all(closing);
    expect(log).toEqual(['feed closed', 'feed closed', 'release']);
  });

  it('is silent from the moment that close is called', () => {
    const { registry, lastSink } = open();
    const told: number[] = [];
    const [one, two] = [registry.watch('metadata'), registry.watch('metadata')];
    one.subscribe(({ version }) => told.push(version));
    two.subscribe(({ version }) => told.push(version));
    void one.close();
    void registry.close();
    lastSink().publish([instance]);
    expect(told).toEqual([]);
  });

  it('gives a closed watch after close, and opens no feed for it', async () => {
    const { registry, log } = open();
    await registry.close();
    const watch = registry.watch('metadata');
    const told: unknown[] = [];
    watch.subscribe((snapshot) => told.push(snapshot))();
    expect(watch.failure?.message).toBe("the watch of 'metadata' is closed");
    await expect(watch.firstSync()).rejects.toMatchObject({ code: 'closed' });
    await expect(registry.discover('metadata')).rejects.toMatchObject({ code: 'closed' });
    expect([log, told]).toEqual([['release'], []]);
  });

  it('says in no_instances that the set may be old when the registry fails', async () => {
    const { registry, lastSink } = open();
    const discovered = registry.discover('metadata');
    lastSink().publish([]);
    await expect(discovered).rejects.toThrow(
      "no instance of 'metadata' is registered: the set is known, and empty",
    );
    lastSink().fail(down, 'reset');
    await expect(registry.discover('metadata')).rejects.toMatchObject({
      code: 'no_instances',
      message: expect.stringContaining('(and may be old: the registry is down)') as string,
      cause: down,
    });
    await registry.close();
  });

  it('says in no_instances why the set is empty, where the registry does', async () => {
    const { registry, lastSink } = open();
    const discovered = registry.discover('metadata');
    lastSink().publish([], "there is no name 'metadata.'");
    await expect(discovered).rejects.toThrow(
      "no instance of 'metadata' is registered: the set is known, and empty: there is no name 'metadata.'",
    );
    await registry.close();
  });

  it('tells the age of a set since the registry confirmed it, and counts restarts', async () => {
    const { registry, lastSink, clock } = open();
    const watch = registry.watch('metadata');
    expect(watch.ageMs).toBeUndefined();
    lastSink().publish([instance]);
    await clock.advance(1000);
    lastSink().fail(down, 'reset');
    await clock.advance(500);
    expect([watch.ageMs, watch.failure]).toEqual([1500, down]);
    lastSink().publish([instance]);
    expect([watch.ageMs, watch.failure]).toEqual([0, undefined]);
    expect([...watch.restarts]).toEqual([['reset', 1]]);
    await registry.close();
  });
});

describe('firstSync', () => {
  it('resolves with the first set, or the one that is known', async () => {
    const { registry, lastSink, clock } = open();
    const watch = registry.watch('metadata');
    const waiting = watch.firstSync();
    lastSink().publish([instance]);
    expect((await waiting).instances).toEqual([instance]);
    expect(await watch.firstSync()).toBe(watch.snapshot);
    expect(clock.pending).toBe(0);
    await registry.close();
  });

  it.each([
    [{}, 5000],
    [{ timeoutMs: 200 }, 200],
  ])('with %j rejects with registry_unavailable after %d ms', async (options, limitMs) => {
    const { registry, clock } = open();
    const ended: unknown[] = [];
    registry
      .watch('metadata')
      .firstSync(options)
      .catch((error: unknown) => ended.push(error));
    await clock.advance(limitMs - 1);
    expect(ended).toEqual([]);
    await clock.advance(1);
    expect(ended).toEqual([
      new DiscoveryError(
        'registry_unavailable',
        `the instances of 'metadata' are not known after ${limitMs} ms: the registry has not answered yet`,
      ),
    ]);
    expect(clock.pending).toBe(0);
    await registry.close();
  });

  it('gives the failure of the registry as the cause of its own', async () => {
    const { registry, clock, lastSink } = open();
    const waiting = registry.watch('metadata').firstSync({ timeoutMs: 200 });
    const rejected = expect(waiting).rejects.toMatchObject({
      message: expect.stringContaining('after 200 ms: the registry is down') as string,
      cause: down,
    });
    lastSink().fail(down, 'reset');
    await clock.advance(200);
    await rejected;
    await registry.close();
  });

  it('rejects with the reason when it is aborted, and leaves nothing behind', async () => {
    const { registry, clock } = open();
    const reason = new Error('no longer wanted');
    const controller = new AbortController();
    const waiting = registry.discover('metadata', { signal: controller.signal });
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    await registry.close();
  });

  it.each(['watch', 'registry'] as const)('rejects when the %s is closed', async (which) => {
    const { registry, clock } = open();
    const { signal } = new AbortController();
    const watch = registry.watch('metadata');
    const rejected = expect(watch.firstSync({ signal })).rejects.toMatchObject({ code: 'closed' });
    await { watch, registry }[which].close();
    await rejected;
    expect(clock.pending).toBe(0);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    await registry.close();
  });
});
