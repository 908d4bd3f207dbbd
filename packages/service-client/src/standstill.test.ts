import { StaticRegistry } from '@movies/discovery/static';
import type { Clock } from '@movies/time';
import type { Socket } from 'node:net';
import type { AttemptOutcome } from './attempt';
import type { ClientOptions } from './client-options';
import { ServiceClient } from './service-client';
import { scheduleLimit } from './standstill';
import { RawServer } from './testing/raw-server';
import { get } from './testing/scene';

describe('a limit of 100 ms', () => {
  function schedule() {
    let now = 0;
    let fire: () => void = () => undefined;
    const clock: Clock = {
      now: () => now,
      schedule: (_delayMs, callback) => {
        fire = callback;
        return () => undefined;
      },
    };
    const said: boolean[] = [];
    const cancel = scheduleLimit(clock, 100, (stoodStill) => said.push(stoodStill));
    const fireAt = (ms: number) => {
      now = ms;
      fire();
    };
    return { fireAt, said, cancel };
  }

  test.each([100, 149])('that fires after %i ms ends at once', (ms) => {
    const { fireAt, said } = schedule();
    fireAt(ms);
    expect(said).toEqual([false]);
  });

  test('that fires later ends when the sockets were read, and tells of the standstill', async () => {
    const { fireAt, said } = schedule();
    fireAt(150);
    expect(said).toEqual([]);
    await new Promise(setImmediate);
    expect(said).toEqual([true]);
  });

  test('that is cancelled while the sockets are read does not end', async () => {
    const { fireAt, said, cancel } = schedule();
    fireAt(150);
    cancel();
    await new Promise(setImmediate);
    expect(said).toEqual([]);
  });
});

const response = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok';

/** The event loop stands still for so long. */
function standStill(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** A client of so many instances which do this with a request; all on the system's clock. */
async function open(
  instances: number,
  onRequest: (socket: Socket) => void,
  options: ClientOptions = {},
) {
  const servers = await Promise.all(
    Array.from({ length: instances }, () => RawServer.listen(onRequest)),
  );
  const movies = servers.map(({ origin }) => {
    const { hostname, port } = new URL(origin);
    return { host: hostname, port: Number(port) };
  });
  const registry = new StaticRegistry({ movies });
  const outcomes: AttemptOutcome[] = [];
  const client = new ServiceClient({
    service: 'movies',
    registry,
    onAttempt: ({ outcome }) => outcomes.push(outcome),
    ...options,
  });
  return {
    client,
    outcomes,
    [Symbol.asyncDispose]: async () => {
      await client.close(0);
      await registry.close();
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    },
  };
}

test('a caller whose timer fires after a standstill, before the response is read, blames no instance', async () => {
  let isWell = true;
  const onRequest = (socket: Socket) => {
    socket.write(response);
    if (!isWell) standStill(450);
  };
  await using scene = await open(2, onRequest, { ejection: { failuresInRow: 1 } });
  for (let i = 0; i < 20; i++) await scene.client.request(get);
  isWell = false;
  for (let i = 0; i < 2; i++) {
    const signal = AbortSignal.timeout(250);
    await expect(scene.client.request({ ...get, signal })).rejects.toMatchObject({
      code: 'upstream_aborted',
    });
  }
  expect(scene.client.ejected).toBe(0);
});

describe('a process that stands still past the deadline', () => {
  test.each([1, 2])(
    'serves the response that came in time, with %i instance(s) and no second attempt',
    async (instances) => {
      const onRequest = (socket: Socket) => {
        socket.write(response);
        standStill(450);
      };
      await using scene = await open(instances, onRequest, { deadlineMs: 250 });
      expect((await scene.client.request(get)).status).toBe(200);
      expect(scene.outcomes).toEqual(['ok']);
    },
  );

  test('holds no silence in the meantime against an instance', async () => {
    let isWell = true;
    const onRequest = (socket: Socket) => {
      if (isWell) socket.write(response);
      else standStill(450);
    };
    await using scene = await open(2, onRequest, {
      deadlineMs: 250,
      maxAttempts: 1,
      ejection: { failuresInRow: 1 },
    });
    for (let i = 0; i < 20; i++) await scene.client.request(get);
    isWell = false;
    for (let i = 0; i < 2; i++) {
      await expect(scene.client.request(get)).rejects.toMatchObject({
        code: 'upstream_timeout',
        attempts: [{ outcome: 'local' }],
      });
    }
    expect(scene.client.ejected).toBe(0);
  });
});
