import { Deadline } from './deadline';
import { hang } from './testing/origin';
import { get, post, Scene } from './testing/scene';
import { UpstreamError } from './upstream-error';

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  const error: unknown = await promise.catch((reason: unknown) => reason);
  return error instanceof UpstreamError ? error.code : undefined;
}

it('spends half of the time on a hanging instance, and then asks another one', async () => {
  await using scene = await Scene.open(['a', 'b'], { deadlineMs: 1000 });
  scene.origin('a').behaviour = hang;
  const pending = scene.client.request(get);
  await scene.origin('a').asked(1);
  await scene.clock.advance(499);
  expect(scene.story).toEqual([]);
  await scene.clock.advance(1);
  expect((await pending).instance.id).toBe('b');
  expect(scene.story).toEqual(['a timeout', 'b ok']);
});

it('gives the only instance all the time there is', async () => {
  await using scene = await Scene.open(['a'], { deadlineMs: 1000 });
  scene.origin('a').behaviour = hang;
  const code = codeOf(scene.client.request(get));
  await scene.origin('a').asked(1);
  await scene.clock.advance(999);
  expect(scene.story).toEqual([]);
  await scene.clock.advance(1);
  expect(await code).toBe('upstream_timeout');
});

it('gives a request that may not be sent twice all the time there is', async () => {
  await using scene = await Scene.open(['a', 'b'], { deadlineMs: 1000 });
  scene.origin('a').behaviour = hang;
  const code = codeOf(scene.client.request(post));
  await scene.origin('a').asked(1);
  await scene.clock.advance(999);
  expect(scene.story).toEqual([]);
  await scene.clock.advance(1);
  expect(await code).toBe('upstream_timeout');
  expect(scene.counts).toEqual([1, 0]);
});

it('tells the instance how many milliseconds it has', async () => {
  await using scene = await Scene.open(['a', 'b']);
  const deadline = Deadline.after(700.9, scene.clock);
  await scene.client.request({ ...get, deadline });
  await scene.client.request({ ...post, deadline });
  const told = ['a', 'b'].flatMap((id) => scene.origin(id).header('x-request-timeout-ms'));
  expect(told).toEqual(['350', '700']);
});

it('sends nothing when no time is left', async () => {
  await using scene = await Scene.open(['a']);
  const deadline = Deadline.after(0, scene.clock);
  expect(await codeOf(scene.client.request({ ...get, deadline }))).toBe('upstream_timeout');
  expect(scene.counts).toEqual([0]);
});

it('waits for the first set, and says what it waited for when it does not come', async () => {
  await using scene = await Scene.open(['a'], { published: false, deadlineMs: 1000 });
  const answered = scene.client.request(get);
  await scene.clock.advance(900);
  scene.publish();
  expect((await answered).status).toBe(200);

  await using other = await Scene.open(['a'], { published: false, deadlineMs: 1000 });
  const rejected = expect(other.client.request(get)).rejects.toMatchObject({
    code: 'upstream_unavailable',
    message: 'movies: its instances are not known',
  });
  await other.clock.advance(1000);
  await rejected;
});

it('rejects at once where it is known that there is nobody', async () => {
  await using scene = await Scene.open([]);
  await expect(scene.client.request(get)).rejects.toMatchObject({
    code: 'upstream_unavailable',
    message: 'movies: no instance is registered',
    attempts: [],
  });
});

it('abandons the call when its caller gives up', async () => {
  await using scene = await Scene.open(['a', 'b']);
  scene.origin('a').behaviour = hang;
  const caller = new AbortController();
  const code = codeOf(scene.client.request({ ...get, signal: caller.signal }));
  await scene.origin('a').asked(1);
  caller.abort();
  expect(await code).toBe('upstream_aborted');
  await scene.origin('a').deserted();
  expect(scene.story).toEqual(['a aborted']);
});

it('sends nothing for a caller that has given up already', async () => {
  await using scene = await Scene.open(['a']);
  expect(await codeOf(scene.client.request({ ...get, signal: AbortSignal.abort() }))).toBe(
    'upstream_aborted',
  );
  expect(scene.counts).toEqual([0]);
});

it('lets calls on an instance that has left the set finish', async () => {
  await using scene = await Scene.open(['a', 'b']);
  let finish: () => void = () => undefined;
  scene.origin('a').behaviour = (_request, response) => {
    finish = () => response.end('late');
  };
  const pending = scene.client.request(get);
  await scene.origin('a').asked(1);
  scene.publish({ a: null });
  expect((await scene.client.request(get)).instance.id).toBe('b');
  finish();
  expect((await pending).body.toString()).toBe('late');
  await scene.origin('a').deserted();
});

it('cuts off a call on an instance that has left the set, half a minute later', async () => {
  await using scene = await Scene.open(['a'], { deadlineMs: 60_000 });
  scene.origin('a').behaviour = hang;
  const code = codeOf(scene.client.request(post));
  await scene.origin('a').asked(1);
  scene.publish({ a: null });
  await scene.clock.advance(30_000);
  expect(await code).toBe('upstream_unavailable');
});

it('leaves no connection and no timer when it is closed, twice', async () => {
  await using scene = await Scene.open(['a', 'b']);
  await scene.client.request(get);
  await Promise.all([scene.client.close(), scene.client.close()]);
  await scene.origin('a').deserted();
  expect(scene.clock.pending).toBe(0);
  await expect(scene.client.request(get)).rejects.toMatchObject({
    code: 'upstream_unavailable',
    message: 'movies: this client is closed',
  });
});

it('cuts off what is still under way when the time for closing is over', async () => {
  await using scene = await Scene.open(['a']);
  scene.origin('a').behaviour = hang;
  const code = codeOf(scene.client.request(get));
  await scene.origin('a').asked(1);
  const closed = scene.client.close(100);
  await scene.clock.advance(100);
  await closed;
  expect(await code).toBe('upstream_unavailable');
  expect(scene.clock.pending).toBe(0);
});
