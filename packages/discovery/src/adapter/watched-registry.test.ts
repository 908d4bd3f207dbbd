import { createInstance } from '../instance';
import { invalidTarget } from '../target';
import { down, openTold } from '../testing/told-registry';
import { WatchedRegistry } from './watched-registry';

const instance = createInstance({ id: 'a', service: 'metadata', host: 'localhost', port: 8081 });

describe('WatchedRegistry', () => {
  it('opens one source for many watches of a target, and closes it with the last one', async () => {
    const { registry, log } = openTold();
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

  it('opens a new source, which knows nothing yet, for a watch after the last one closed', async () => {
    const { registry, log, sink } = openTold();
    const before = registry.watch('metadata');
    sink().publish([instance]);
    await before.close();
    const after = registry.watch('metadata');
    expect(log).toEqual(['open metadata', 'close metadata', 'open metadata']);
    expect(after.view).toEqual({ state: 'unknown' });
    await registry.close();
  });

  it('frees what sources share once, after the last of them has ended', async () => {
    const ends: (() => void)[] = [];
    const { registry, log } = openTold({
      open: () => ({
        turn: () =>
          new Promise((resolve) => {
            ends.push(() => {
              resolve(0);
            });
          }),
        close: () => {
          log.push('close');
        },
      }),
    });
    const watch = registry.watch('metadata');
    registry.watch('rating');
    await new Promise(setImmediate);
    // One is closing already when the registry is closed, and is waited for too.
    const closing = [watch.close(), registry.close(), registry.close()];
    ends.pop()?.();
    await new Promise(setImmediate);
    expect(log).toEqual(['close']);
    ends.pop()?.();
    await Promise.all(closing);
    expect(log).toEqual(['close', 'close', 'release']);
  });

  it('frees what sources share although one of them could not be closed, and warns', async () => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation();
    const { registry, log } = openTold({
      open: () => ({
        turn: () => Promise.resolve(Infinity),
        close: () => {
          throw new Error('a bad source');
        },
      }),
    });
    registry.watch('metadata');
    await registry.close();
    const warnings = emitWarning.mock.calls;
    emitWarning.mockRestore();
    expect(log).toEqual(['release']);
    expect(warnings).toEqual([
      ['a source could not be closed: a bad source', { code: 'DISCOVERY_SOURCE' }],
    ]);
  });

  it('gives a closed watch after close, and opens no source for it', async () => {
    const { registry, log } = openTold();
    await registry.close();
    const watch = registry.watch('metadata');
    const told: unknown[] = [];
    watch.subscribe((view) => told.push(view));
    await expect(watch.synced()).rejects.toThrow("the watch of 'metadata' is closed");
    await expect(registry.discover('metadata')).rejects.toMatchObject({ code: 'closed' });
    expect([log, told]).toEqual([['release'], [{ state: 'closed' }]]);
  });

  it('tells a target that the registry cannot have by its watch, and never throws', async () => {
    const { registry } = openTold({
      open: () => {
        throw invalidTarget('rating.shop', 'there are no namespaces here');
      },
    });
    const watch = registry.watch('rating.shop');
    const message = "'rating.shop' cannot be watched: there are no namespaces here";
    expect(watch.view).toMatchObject({ failure: { code: 'invalid_target', message } });
    await expect(registry.discover('rating.shop')).rejects.toThrow(message);
    await registry.close();
  });

  it('is closed for a listener that is told the end, also if that closes it again', async () => {
    const { registry, log } = openTold();
    const states: unknown[] = [];
    registry.watch('metadata').subscribe(({ state }) => {
      if (state !== 'closed') return;
      states.push(registry.watch('rating').view.state);
      void registry.close();
      void registry.discover('rating').catch((error: unknown) => states.push(error));
    });
    await registry.close();
    expect(states).toMatchObject(['closed', { code: 'closed' }]);
    expect(log).toEqual(['open metadata', 'close metadata', 'release']);
  });

  it('opens a source later that could not be opened at first', async () => {
    let tries = 0;
    const { registry, clock } = openTold({
      open: (_target, sink) => {
        tries += 1;
        if (tries < 3) throw new TypeError('no server is known');
        return {
          turn: () => {
            sink.publish([instance]);
            return Promise.resolve(Infinity);
          },
        };
      },
    });
    const watch = registry.watch('metadata');
    expect(watch.view).toMatchObject({
      failure: { message: expect.stringMatching(/no server/) as string },
    });
    await clock.advance(800);
    expect(watch.view).toMatchObject({ state: 'known', instances: [instance] });
    await registry.close();
  });

  it('reports a source that cannot be opened, and goes on', async () => {
    const { registry, log } = openTold({
      open: () => {
        throw new TypeError('a bad adapter');
      },
    });
    expect(registry.watch('metadata').view).toMatchObject({
      state: 'unknown',
      failure: { message: "watching 'metadata': a bad adapter" },
    });
    await registry.close();
    expect(log).toEqual(['release']);
  });

  it.each([NaN, -1])('refuses to wait %d ms with a stale set', (maxStaleMs) => {
    const adapter = { name: 'none', open: () => ({ turn: () => Promise.resolve(Infinity) }) };
    expect(() => new WatchedRegistry(adapter, { maxStaleMs })).toThrow(
      expect.objectContaining({
        code: 'invalid_options',
        message: expect.stringContaining("'maxStaleMs'") as string,
      }) as Error,
    );
  });

  it('tells the age of a set since the registry confirmed it, and counts failures', async () => {
    const { registry, sink, clock } = openTold();
    const watch = registry.watch('metadata');
    expect(watch.ageMs).toBeUndefined();
    sink().publish([instance]);
    await clock.advance(1000);
    sink().fail(down);
    await clock.advance(500);
    expect([watch.ageMs, watch.view]).toMatchObject([1500, { failure: { cause: down } }]);
    sink().publish([instance]);
    expect(watch.ageMs).toBe(0);
    expect([...watch.failures]).toEqual([['reset', 1]]);
    await registry.close();
  });
});

describe('discover', () => {
  it('opens no source for a target that was asked for during the last minute', async () => {
    const { registry, log, sink, clock } = openTold();
    const first = registry.discover('metadata');
    sink().publish([instance]);
    expect(await first).toEqual([instance]);
    await clock.advance(50_000);
    expect(await registry.discover('metadata')).toEqual([instance]);
    await clock.advance(59_999);
    expect(log).toEqual(['open metadata']);
    await clock.advance(10_001);
    expect(log).toEqual(['open metadata', 'close metadata']);
    expect(clock.pending).toBe(0);
    await registry.close();
  });

  it('holds a bounded number of targets, those asked for last, and ends no wait for another', async () => {
    const { registry, log, sink } = openTold();
    const first = registry.discover('metadata');
    const sinkOfFirst = sink();
    for (let i = 0; i < 300; i += 1) {
      void registry.discover(`service-${i}`, { timeoutMs: 0 }).catch(() => undefined);
      sink().publish([instance]);
    }
    await new Promise(setImmediate);
    expect(log.filter((entry) => entry.startsWith('close'))).toHaveLength(44);
    sinkOfFirst.publish([instance]);
    expect(await first).toEqual([instance]);
    await registry.close();
  });

  it('watches nothing for a signal that is aborted', async () => {
    const { registry, log } = openTold();
    const signal = AbortSignal.abort();
    await expect(registry.discover('metadata', { signal })).rejects.toBe(signal.reason);
    expect(log).toEqual([]);
    await registry.close();
  });

  it('says in no_instances why the set is empty, and that it may be old when the registry fails', async () => {
    const { registry, sink } = openTold();
    const discovered = registry.discover('metadata');
    sink().publish([], { emptyBecause: "there is no name 'metadata.'" });
    await expect(discovered).rejects.toThrow(
      "no instance of 'metadata' is registered: the set is known, and empty: there is no name 'metadata.'",
    );
    sink().fail(down);
    await expect(registry.discover('metadata')).rejects.toMatchObject({
      code: 'no_instances',
      message: expect.stringMatching(/and may be old: .*the registry is down/) as string,
      cause: { cause: down },
    });
    await registry.close();
  });
});
