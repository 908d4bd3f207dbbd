import { fetch as undiciFetch } from 'undici';
import { answer, hang, type Behaviour } from '../testing/origin';
import { MeshScene } from '../testing/mesh-scene';
import { attemptsOf } from './attempts-of';

/** Says what was asked. */
const echo: Behaviour = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.once('end', () => {
    response.setHeader('x-host', request.headers.host ?? '');
    response.end(
      `${request.method ?? ''} ${request.url ?? ''} ${Buffer.concat(chunks).toString()}`,
    );
  });
};

const outcomes = (response: Response) => attemptsOf(response).map(({ outcome }) => outcome);

/**
 * The cause of a failure. By undici's own `fetch`, since jest gives each test file an `Error` of its own, which is none
 * for the `fetch` of Node.
 */
async function causeOf({ mesh }: MeshScene, url: string): Promise<unknown> {
  const error: unknown = await undiciFetch(url, { dispatcher: mesh.dispatcher }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: 'TypeError', message: 'fetch failed' });
  return (error as Error).cause;
}

describe('a response', () => {
  test('is a Response of an instance of the service that the URL names', async () => {
    await using scene = await MeshScene.open(['a']);
    scene.origin('a').behaviour = echo;
    const response = await scene.mesh.fetch('http://rating/path?id=1');
    expect(response).toBeInstanceOf(Response);
    expect(response).toMatchObject({
      status: 200,
      statusText: 'OK',
      url: 'http://rating/path?id=1',
    });
    expect(response.headers.get('x-host')).toBe('rating');
    expect(await response.text()).toBe('GET /path?id=1 ');
    expect(attemptsOf(response)).toMatchObject([{ instance: { id: 'a' }, outcome: 'ok' }]);
  });

  test('is streamed: it is there before its body has ended', async () => {
    await using scene = await MeshScene.open(['a']);
    let end: () => void = () => undefined;
    scene.origin('a').behaviour = (_request, response) => {
      response.write('first');
      end = () => response.end('last');
    };
    const { body } = await scene.mesh.fetch('http://rating/');
    const reader = body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('first');
    end();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('last');
    expect(await reader?.read()).toMatchObject({ done: true });
  });

  test('to HEAD has no body', async () => {
    await using scene = await MeshScene.open(['a']);
    const response = await scene.mesh.fetch('http://rating/', { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  test('that redirects is followed, and tells the attempts of both requests', async () => {
    await using scene = await MeshScene.open(['a']);
    scene.origin('a').behaviour = (request, response) => {
      if (request.url === '/old') response.writeHead(307, { location: '/new' }).end();
      else echo(request, response);
    };
    const response = await scene.mesh.fetch('http://rating/old', { method: 'POST', body: 'text' });
    expect(response).toMatchObject({ redirected: true, url: 'http://rating/new' });
    expect(await response.text()).toBe('POST /new text');
    expect(outcomes(response)).toEqual(['ok', 'ok']);
  });

  test('of another fetch has no attempts', () => {
    expect(attemptsOf(new Response())).toEqual([]);
  });
});

describe('a request body', () => {
  const form = new FormData();
  form.set('field', 'value');
  const bodies: [string, NonNullable<RequestInit['body']>, string][] = [
    ['a text', 'text', 'text'],
    ['bytes', Buffer.from('bytes'), 'bytes'],
    ['a Blob', new Blob(['blob']), 'blob'],
    ['URLSearchParams', new URLSearchParams({ a: '1' }), 'a=1'],
    ['FormData', form, 'name="field"'],
  ];

  test.each(bodies)(
    'may be %s, and is sent again to another instance',
    async (_name, body, text) => {
      await using scene = await MeshScene.open(['a', 'b']);
      scene.origin('a').behaviour = answer(503);
      scene.origin('b').behaviour = echo;
      const response = await scene.mesh.fetch('http://rating/', { method: 'PUT', body });
      expect(await response.text()).toContain(text);
      expect(outcomes(response)).toEqual(['unavailable', 'ok']);
    },
  );

  const stream = (chunk: Uint8Array | string) =>
    new ReadableStream({
      start: (controller) => {
        controller.enqueue(Buffer.from(chunk));
        controller.close();
      },
    });

  test('that is a stream is sent as it comes, and not again', async () => {
    await using scene = await MeshScene.open(['a', 'b']);
    scene.origin('a').behaviour = answer(503);
    const response = await scene.mesh.fetch('http://rating/', {
      method: 'PUT',
      body: stream('text'),
      duplex: 'half',
    });
    expect([response.status, outcomes(response)]).toEqual([503, ['unavailable']]);
    expect(scene.origin('a').header('transfer-encoding')).toEqual(['chunked']);
  });

  test('that is a stream is sent to another instance as long as nothing of it was', async () => {
    await using scene = await MeshScene.open(['a', 'b']);
    scene.origin('a').kill();
    scene.origin('b').behaviour = echo;
    const response = await scene.mesh.fetch('http://rating/', {
      method: 'POST',
      body: stream('text'),
      duplex: 'half',
    });
    expect(await response.text()).toBe('POST / text');
    expect(outcomes(response)).toEqual(['refused', 'ok']);
  });

  test('of more than 64 KiB is not kept to be sent again', async () => {
    await using scene = await MeshScene.open(['a', 'b']);
    scene.origin('a').behaviour = answer(503);
    const body = Buffer.alloc(64 * 1024 + 1);
    const response = await scene.mesh.fetch('http://rating/', { method: 'PUT', body });
    expect(outcomes(response)).toEqual(['unavailable']);
  });

  test('is sent once if the method is not idempotent, and again with a key', async () => {
    await using scene = await MeshScene.open(['a', 'b']);
    for (const id of ['a', 'b']) scene.origin(id).behaviour = answer(503);
    const post = { method: 'POST', body: 'text' };
    expect(outcomes(await scene.mesh.fetch('http://rating/', post))).toEqual(['unavailable']);
    const headers = { 'idempotency-key': '1' };
    const again = await scene.mesh.fetch('http://rating/', { ...post, headers });
    expect(outcomes(again)).toEqual(['unavailable', 'unavailable']);
  });

  test('of a Request object is sent', async () => {
    await using scene = await MeshScene.open(['a']);
    scene.origin('a').behaviour = echo;
    const request = new Request('http://rating/path', { method: 'POST', body: 'text' });
    expect(await (await scene.mesh.fetch(request)).text()).toBe('POST /path text');
  });
});

describe('the headers of an attempt', () => {
  test('tell the time that is left, and the attempts before', async () => {
    await using scene = await MeshScene.open(['a', 'b'], { deadlineMs: 700 });
    scene.origin('a').behaviour = answer(503);
    await scene.mesh.fetch('http://rating/');
    const headers = ['a', 'b'].map((id) => [
      ...scene.origin(id).header('x-request-timeout-ms'),
      ...scene.origin(id).header('x-retry-attempt'),
    ]);
    expect(headers).toEqual([
      ['700', undefined],
      ['700', '1'],
    ]);
  });

  test('go on from those of the request: less time, and no retry of a retry', async () => {
    await using scene = await MeshScene.open(['a', 'b']);
    scene.origin('a').behaviour = answer(503);
    const headers = { 'x-request-timeout-ms': '300', 'x-retry-attempt': '1' };
    const response = await scene.mesh.fetch('http://rating/', { headers });
    expect(response.status).toBe(503);
    const { requests } = scene.origin('a');
    expect(requests[0]?.headers).toMatchObject(headers);
    expect(scene.counts).toEqual([1, 0]);
  });
});

describe('a failure', () => {
  test('of all instances has the attempts', async () => {
    await using scene = await MeshScene.open(['a', 'b']);
    for (const id of ['a', 'b']) scene.origin(id).kill();
    expect(await causeOf(scene, 'http://rating/')).toMatchObject({
      name: 'UpstreamError',
      code: 'upstream_unavailable',
      service: 'rating',
      attempts: [{ outcome: 'refused' }, { outcome: 'refused' }],
    });
  });

  test('of a service that the registry does not know says so', async () => {
    await using scene = await MeshScene.open(['a']);
    expect(await causeOf(scene, 'http://ratign/')).toMatchObject({
      code: 'upstream_unavailable',
      message: 'ratign: no instance is registered',
    });
  });

  test('of a name that no registry can have says so', async () => {
    await using scene = await MeshScene.open(['a']);
    expect(await causeOf(scene, 'http://rating-/')).toMatchObject({
      code: 'upstream_unavailable',
      cause: { code: 'invalid_target' },
    });
  });

  test('after the mesh is closed says so', async () => {
    await using scene = await MeshScene.open(['a']);
    await scene.mesh.close();
    for (const url of ['http://rating/', 'http://localhost/']) {
      expect(await causeOf(scene, url)).toMatchObject({
        code: 'upstream_unavailable',
        message: expect.stringContaining('this mesh is closed') as string,
      });
    }
  });

  test('before the deadline without a head is a timeout', async () => {
    await using scene = await MeshScene.open(['a']);
    scene.origin('a').behaviour = hang;
    const cause = causeOf(scene, 'http://rating/');
    await scene.origin('a').asked(1);
    await scene.clock.advance(2000);
    expect(await cause).toMatchObject({ code: 'upstream_timeout' });
  });
});

describe('the port of a URL', () => {
  test('chooses the instances that are there', async () => {
    await using scene = await MeshScene.open(['a', 'b']);
    const port = scene.instances[1]?.port ?? 0;
    for (let i = 0; i < 3; i++) await scene.mesh.fetch(`http://rating:${port}/`);
    expect(scene.counts).toEqual([0, 3]);
    expect(scene.origin('b').header('host')[0]).toBe(`rating:${port}`);
  });

  test('where no instance is leads nowhere, and the failure says where they are', async () => {
    await using scene = await MeshScene.open(['a']);
    const port = scene.instances[0]?.port ?? 0;
    expect(await causeOf(scene, 'http://rating:8081/')).toMatchObject({
      code: 'upstream_unavailable',
      message: `rating: no instance is registered at port 8081, but at ${port}`,
    });
  });
});

test('addresses, localhost and names that are no services are ordinary hosts', async () => {
  await using scene = await MeshScene.open(['a']);
  const port = scene.instances[0]?.port ?? 0;
  for (const host of ['127.0.0.1', 'localhost']) {
    expect((await scene.mesh.fetch(`http://${host}:${port}/`)).status).toBe(200);
  }
  expect(scene.origin('a').header('x-request-timeout-ms')).toEqual([undefined, undefined]);
  // A registry without namespaces has no such service; the name does not resolve.
  expect(await causeOf(scene, 'http://rating.shop.svc/')).not.toMatchObject({
    name: 'UpstreamError',
  });
});

describe('an abort', () => {
  test('before the request keeps it from being sent', async () => {
    await using scene = await MeshScene.open(['a']);
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(scene.mesh.fetch('http://rating/', { signal })).rejects.toThrow('too late');
    expect(scene.counts).toEqual([0]);
  });

  test('before the head rejects with its reason, and the connection ends', async () => {
    await using scene = await MeshScene.open(['a']);
    scene.origin('a').behaviour = hang;
    const caller = new AbortController();
    const fetching = scene.mesh.fetch('http://rating/', { signal: caller.signal });
    const rejected = expect(fetching).rejects.toMatchObject({ name: 'AbortError' });
    await scene.origin('a').asked(1);
    caller.abort();
    await rejected;
    await scene.clock.advance(50);
    await scene.origin('a').deserted();
  });

  test('within the body fails the reader, and the connection ends at once', async () => {
    await using scene = await MeshScene.open(['a']);
    scene.origin('a').behaviour = (_request, response) => {
      response.write('first');
    };
    const caller = new AbortController();
    const response = await scene.mesh.fetch('http://rating/', { signal: caller.signal });
    const rejected = expect(response.text()).rejects.toMatchObject({ name: 'AbortError' });
    caller.abort();
    await rejected;
    await scene.origin('a').deserted();
    expect(scene.mesh.explain('rating').hosts).toMatchObject([{ health: 'in', inFlight: 0 }]);
  });

  test('of the reader ends the connection as well', async () => {
    await using scene = await MeshScene.open(['a']);
    scene.origin('a').behaviour = (_request, response) => {
      response.write('first');
    };
    const response = await scene.mesh.fetch('http://rating/');
    await response.body?.cancel();
    await scene.origin('a').deserted();
  });
});
