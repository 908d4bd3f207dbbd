import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { FakeApiServer } from '../../packages/discovery/src/testing/fake-api-server';
import { sliceOf } from '../../packages/discovery/src/testing/slices';
import { describeWith } from '../describe-with';
import type { Holding } from './reconnecting';

const rounds = 10_000;
const missing = process.platform === 'linux' ? undefined : 'descriptors are counted in /proc';

describeWith('a program whose watches end again and again', missing, () => {
  let fake: FakeApiServer;
  let child: ChildProcess;

  afterEach(async () => {
    const ended = once(child, 'exit');
    child.disconnect();
    expect(await ended).toEqual([0, null]);
    await fake.stop();
  });

  it.each(['h2', 'http/1.1'] as const)(
    'holds no more after 10,000 reconnects than before, over %s',
    async (protocol) => {
      fake = await FakeApiServer.start(protocol);
      fake.put(sliceOf('metadata', ['10.0.0.1']));
      let watching = fake.nextWatch();
      child = spawn(
        process.execPath,
        [
          ...['--expose-gc', '-r', 'ts-node/register', path.join(__dirname, 'reconnecting.ts')],
          ...[fake.url, fake.ca],
        ],
        { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
      );

      /**
       * Ends the watch so often, every twentieth time with its connection. Every third has come to a new version: a list, which
       * waits for its second, would follow three in a row that have not.
       */
      const reconnect = async (times: number) => {
        for (let i = 0; i < times; i += 1) {
          await watching;
          watching = fake.nextWatch();
          if (i % 3 === 0) fake.put(sliceOf('rating', ['10.0.1.1']));
          fake.bookmark();
          if (i % 20 === 0) fake.openWatches[0]?.reset();
          else fake.openWatches[0]?.end();
        }
        // The watch after the last is left open.
        await watching;
      };
      const measure = async (): Promise<Holding> => {
        const answered = once(child, 'message');
        child.send('measure');
        return ((await answered) as [Holding])[0];
      };

      await reconnect(rounds / 5);
      const before = await measure();
      fake.calls.length = 0;
      await reconnect(rounds);
      const after = await measure();

      expect(fake.calls.filter(({ kind }) => kind === 'watch')).toHaveLength(rounds);
      expect(after.descriptors).toBe(before.descriptors);
      expect(after.heapBytes / before.heapBytes).toBeLessThan(1.05);
    },
    240_000,
  );
});
