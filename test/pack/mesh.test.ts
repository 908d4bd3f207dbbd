import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { formatAddress } from '@movies/discovery';
import { FakeConsul } from '../../packages/discovery/src/testing/fake-consul';
import { Elsewhere } from './elsewhere';
import { exampleUnder } from './readme-examples';

/** The lowest Node that the packages take. */
const lowest = '22.19.0';

/** The clients that a mesh serves, beside undici itself, which the package brings along. */
const clients = {
  ofetch: '1.5.1',
  ky: '1.9.1',
  undici7: 'npm:undici@7.30.2',
  undici6: 'npm:undici@6.21.3',
};

const elsewhere = new Elsewhere();
const platform = `node-${process.platform}-${process.arch}`;

beforeAll(async () => {
  const others = Object.entries(clients).map(([name, version]) => `${name}@${version}`);
  await elsewhere.install(`${platform}@${lowest}`, ...others);
  await elsewhere.write('instances.mjs', instances);
}, 150_000);

afterAll(() => elsewhere.close());

/** Two instances of `rating`, of which the first by id is gone, and a mesh that knows them. */
const instances = `
  import { createHash } from 'node:crypto';
  import { once } from 'node:events';
  import { createServer } from 'node:http';
  import { buffer } from 'node:stream/consumers';
  import { StaticRegistry } from '@movies/discovery/static';
  import { Mesh } from '@movies/service-client';

  const server = createServer(async (request, response) => {
    if (request.url === '/slow') return response.write('first');
    if (request.url === '/big') return response.end(Buffer.alloc(5_000_000, 'x'));
    const body = await buffer(request);
    response.setHeader('x-host', request.headers.host);
    response.end(request.method + ' ' + request.url + ' ' + body);
  });
  // Accepts a WebSocket (RFC 6455, 4.2.2), and sends one text.
  server.on('upgrade', ({ headers }, socket) => {
    const key = headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
    const accept = createHash('sha1').update(key).digest('base64');
    socket.on('error', () => undefined);
    socket.write(
      'HTTP/1.1 101 Switching Protocols\\r\\nupgrade: websocket\\r\\nconnection: upgrade\\r\\n' +
        'sec-websocket-accept: ' + accept + '\\r\\n\\r\\n',
    );
    socket.end(Buffer.from([0x81, 2, 0x68, 0x69]));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  export const registry = new StaticRegistry({
    rating: [
      { id: 'a', host: '127.0.0.1', port: 1 },
      { id: 'b', host: '127.0.0.1', port },
    ],
  });
  // Draws the first of two equal instances.
  export const openMesh = () => new Mesh(registry, { random: () => 0 });
  export const direct = 'http://127.0.0.1:' + port;
  export const close = async (mesh) => {
    await mesh.close();
    await registry.close();
    server.closeAllConnections();
    server.close();
  };
`;

const byFetch = `
  import { attemptsOf } from '@movies/service-client';
  import { close, direct, openMesh } from './instances.mjs';

  const mesh = openMesh();
  const said = [];
  const say = (...what) => said.push(what.join(' '));
  const outcomes = (response) => attemptsOf(response).map(({ outcome }) => outcome).join();

  const first = await mesh.fetch('http://rating/path?id=1');
  say(first instanceof Response, first.status, first.statusText, first.url, first.headers.get('x-host'));
  say(await first.text(), outcomes(first));
  const form = new FormData();
  form.set('field', 'value');
  const stream = new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from('stream'));
      controller.close();
    },
  });
  for (const init of [
    { method: 'POST', body: 'text' },
    { method: 'PUT', body: stream, duplex: 'half' },
  ]) {
    const other = openMesh();
    const response = await other.fetch('http://rating/', init);
    say(await response.text(), outcomes(response));
    await other.close();
  }
  say((await (await mesh.fetch('http://rating/', { method: 'POST', body: form })).text()).includes('value'));
  say(await (await mesh.fetch(new Request('http://rating/', { method: 'POST', body: 'object' }))).text());
  say((await (await mesh.fetch('http://rating/big')).arrayBuffer()).byteLength);
  say(await (await mesh.fetch(direct)).text());
  say(await (await fetch('http://rating/', { dispatcher: mesh.dispatcher })).text());

  const slow = await mesh.fetch('http://rating/slow');
  const reader = slow.body.getReader();
  say(Buffer.from((await reader.read()).value));
  await reader.cancel();
  const caller = new AbortController();
  const aborted = await mesh.fetch('http://rating/slow', { signal: caller.signal });
  caller.abort();
  await aborted.text().catch(({ name }) => say(name));
  await mesh.fetch('http://ratign/').catch(({ name, message, cause }) => {
    say(name, message, cause.name, cause.code, cause.message);
  });
  const socket = new WebSocket('ws://rating/', { dispatcher: mesh.dispatcher });
  say(await new Promise((resolve) => {
    socket.onmessage = ({ data }) => resolve(data);
    socket.onerror = ({ message }) => resolve(message);
  }));
  await close(mesh);
  console.log(said.join('\\n'));
`;

const byOthers = `
  import { ofetch } from 'ofetch';
  import ky from 'ky';
  import * as undici8 from 'undici';
  import * as undici7 from 'undici7';
  import * as undici6 from 'undici6';
  import { Writable } from 'node:stream';
  import { close, openMesh } from './instances.mjs';

  const mesh = openMesh();
  const { dispatcher } = mesh;
  const post = { method: 'POST', body: 'text' };
  const said = [await ofetch('http://rating/ofetch', { dispatcher, ...post })];
  said.push(await ky.create({ fetch: mesh.fetch }).post('http://rating/ky', { body: 'text' }).text());
  for (const [name, undici] of Object.entries({ undici8, undici7, undici6 })) {
    const { body } = await undici.request('http://rating/' + name, { dispatcher, ...post });
    said.push(await body.text());
    said.push(await (await undici.fetch('http://rating/' + name, { dispatcher, ...post })).text());
    let streamed = '';
    const write = (chunk, _encoding, done) => {
      streamed += chunk;
      done();
    };
    await undici.stream('http://rating/' + name, { dispatcher, ...post }, () => new Writable({ write }));
    said.push(streamed);
  }
  await close(mesh);
  console.log(said.join('\\n'));
`;

const loading = `
  import { createRequire } from 'node:module';
  import { close, registry } from './instances.mjs';
  import { Mesh } from '@movies/service-client';

  const { cache } = createRequire(import.meta.url);
  const adapters = () =>
    ['consul', 'kubernetes', 'dns'].filter((name) =>
      Object.keys(cache).some((file) => file.endsWith(name + '-registry.js')),
    );
  const mesh = new Mesh(registry);
  console.log(adapters().join());
  await new Mesh('kubernetes:').close();
  console.log(adapters().join());
  await close(mesh);
`;

describe("the README's example", () => {
  const readme = 'packages/service-client/README.md';

  it('of a mesh runs', async () => {
    const consul = await FakeConsul.start();
    const server = createServer((_request, response) => response.end('{"mean":8}'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { address: Address, port: Port } = server.address() as AddressInfo;
    consul.publish('rating', [{ ID: 'rating-1', Address, Port }]);
    const example = await exampleUnder('Mesh', readme);
    await elsewhere.write(
      'example.mjs',
      example.replace('127.0.0.1:8500', formatAddress(consul.address)),
    );
    expect(await elsewhere.node('example.mjs')).toMatch(/^200 {"mean":8}\n\S*rating-1 ok\n$/);
    server.close();
    await consul.stop();
  });

  it('of a mesh, of other clients and of TLS compile, strict', async () => {
    const files = ['Mesh', 'Other HTTP clients', 'TLS'].map(async (heading, i) => {
      await elsewhere.write(`example-${i}.mts`, await exampleUnder(heading, readme));
      return `example-${i}.mts`;
    });
    expect(await elsewhere.typeCheck(...(await Promise.all(files)))).toBe('');
  });
});

describe.each([
  ['the lowest Node', path.join(elsewhere.folder, 'node_modules', platform, 'bin/node')],
  ['this Node', process.execPath],
])('by %s', (_name, node) => {
  const run = async (script: string) => {
    await elsewhere.write('script.mjs', script);
    return (await elsewhere.nodeAt(node, 'script.mjs')).trimEnd().split('\n');
  };

  it('fetch of a mesh is that of Node', async () => {
    expect(await run(byFetch)).toEqual([
      'true 200 OK http://rating/path?id=1 rating',
      'GET /path?id=1  refused,ok',
      'POST / text refused,ok',
      'PUT / stream refused,ok',
      'true',
      'POST / object',
      '5000000',
      'GET / ',
      'GET / ',
      'first',
      'AbortError',
      'TypeError fetch failed UpstreamError upstream_unavailable ratign: no instance is registered',
      'hi',
    ]);
  });

  it('other clients take the dispatcher, or the fetch', async () => {
    const editions = ['undici8', 'undici7', 'undici6'];
    expect(await run(byOthers)).toEqual([
      'POST /ofetch text',
      'POST /ky text',
      ...editions.flatMap((name) => Array<string>(3).fill(`POST /${name} text`)),
    ]);
  });

  it('a mesh that is given a registry loads no adapter', async () => {
    expect(await run(loading)).toEqual(['', 'consul,kubernetes,dns']);
  });
});
