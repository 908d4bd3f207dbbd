import { StaticRegistry } from '@movies/discovery/static';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket, type TlsOptions } from 'node:tls';
import { selfSigned } from '../../discovery/src/testing/self-signed';
import { clientSettings } from './client-options';
import { Mesh } from './mesh/mesh';
import { ServiceClient } from './service-client';
import type { ClientTls } from './tls-credentials';

const get = { method: 'GET', path: '/' } as const;
const rating = selfSigned({ host: 'rating' });
const other = selfSigned({ host: 'rating' });

const folder = mkdtempSync(join(tmpdir(), 'client-tls-'));
const [caFile, certFile, keyFile] = ['ca', 'cert', 'key'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];
const certOnly = join(folder, 'cert-only');
writeFileSync(certOnly, rating.cert);

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** An instance of `rating` that speaks TLS, and says what name it was asked for and what certificate it was shown. */
class TlsOrigin implements AsyncDisposable {
  readonly #server;
  readonly #sockets = new Set<Socket>();
  connections = 0;

  private constructor(options: TlsOptions) {
    this.#server = createServer(options, ({ socket, headers }, response) => {
      if (!(socket instanceof TLSSocket)) return;
      const { servername } = socket as { servername?: string };
      const { subject } = socket.getPeerCertificate() as { subject?: { CN?: string } };
      response.end(`${servername ?? ''} ${headers.host ?? ''} ${subject?.CN ?? 'nothing'}`);
    });
    this.#server.on('secureConnection', () => (this.connections += 1));
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
    });
  }

  static async listen(options: TlsOptions = rating): Promise<TlsOrigin> {
    const origin = new TlsOrigin(options);
    origin.#server.listen(0, '127.0.0.1');
    await once(origin.#server, 'listening');
    return origin;
  }

  get registry(): StaticRegistry {
    const { address, port } = this.#server.address() as AddressInfo;
    return new StaticRegistry({ rating: [{ host: address, port }] });
  }

  /** Takes another certificate, and ends the connections with the former one. */
  rotate(options: TlsOptions): void {
    this.#server.setSecureContext(options);
    this.#server.closeAllConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** What a client with these certificates hears of the instance. */
async function ask(origin: TlsOrigin, tls: ClientTls): Promise<string> {
  await using registry = origin.registry;
  await using client = new ServiceClient({ service: 'rating', registry, tls });
  return (await client.request(get)).body.toString();
}

describe('a client with tls', () => {
  test('trusts an authority that it is given, and expects the name of the service', async () => {
    await using origin = await TlsOrigin.listen();
    expect(await ask(origin, { ca: rating.cert })).toMatch(/^rating 127\.0\.0\.1:\d+ nothing$/);
  });

  test('expects another name if it is given one', async () => {
    const named = selfSigned({ host: 'rating.internal' });
    await using origin = await TlsOrigin.listen(named);
    const tls = { ca: named.cert, serverName: 'rating.internal' };
    expect(await ask(origin, tls)).toMatch(/^rating\.internal /);
    await expect(ask(origin, { ca: named.cert })).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: expect.stringContaining("does not match certificate's altnames") as string,
    });
  });

  test('sends nothing to an instance of another authority', async () => {
    await using origin = await TlsOrigin.listen();
    for (const tls of [{ ca: other.cert }, {}]) {
      await expect(ask(origin, tls)).rejects.toMatchObject({
        code: 'upstream_unavailable',
        message: expect.stringContaining('self-signed certificate') as string,
        attempts: [{ outcome: 'refused' }],
      });
    }
  });

  test('shows its certificate to an instance that asks for one', async () => {
    const own = selfSigned({ host: 'movie', commonName: 'movie' });
    const mutual = { ...rating, requestCert: true, ca: [own.cert] };
    await using origin = await TlsOrigin.listen(mutual);
    const tls = { ca: rating.cert, cert: own.cert, key: own.key };
    expect(await ask(origin, tls)).toMatch(/ movie$/);
    await expect(ask(origin, { ca: rating.cert })).rejects.toMatchObject({
      code: 'upstream_unavailable',
    });
  });

  test('opens no connection for each Host header', async () => {
    await using origin = await TlsOrigin.listen();
    await using registry = origin.registry;
    const tls = { ca: rating.cert };
    await using client = new ServiceClient({ service: 'rating', registry, tls });
    for (const host of 'abcdef') await client.request({ ...get, headers: { host } });
    // Two, since undici frees a connection a moment after its response.
    expect(origin.connections).toBeLessThanOrEqual(2);
  });

  test('reads files again before each connection', async () => {
    const [first, second] = ['first', 'second'].map((commonName) =>
      selfSigned({ host: 'movie', commonName }),
    );
    if (first === undefined || second === undefined) throw new Error('there are two');
    const mutual = { requestCert: true, ca: [first.cert, second.cert] };
    writeFileSync(caFile, rating.cert);
    writeFileSync(certFile, first.cert);
    writeFileSync(keyFile, first.key);
    await using origin = await TlsOrigin.listen({ ...rating, ...mutual });
    await using registry = origin.registry;
    const tls = { caFile, certFile, keyFile };
    await using client = new ServiceClient({ service: 'rating', registry, tls });
    const shown = async () => (await client.request(get)).body.toString().split(' ')[2];
    expect(await shown()).toBe('first');

    writeFileSync(caFile, other.cert);
    writeFileSync(certFile, second.cert);
    // For a moment the key does not fit the certificate: the last that fit are shown.
    origin.rotate({ ...rating, ...mutual });
    expect(await shown()).toBe('first');
    writeFileSync(keyFile, second.key);
    origin.rotate({ ...other, ...mutual });
    expect(await shown()).toBe('second');
  });
});

describe('a mesh', () => {
  test('speaks TLS with https, by the host of the URL', async () => {
    await using origin = await TlsOrigin.listen();
    await using registry = origin.registry;
    await using mesh = new Mesh(registry, { tls: { ca: rating.cert } });
    expect(await (await mesh.fetch('https://rating/')).text()).toBe('rating rating nothing');
    expect((await mesh.service('rating').request(get)).status).toBe(200);
    await expect(mesh.fetch('http://rating/')).rejects.toThrow('fetch failed');
  });

  test('takes certificates by service', async () => {
    await using origin = await TlsOrigin.listen();
    await using registry = origin.registry;
    const services = { rating: { tls: { ca: rating.cert } } };
    await using mesh = new Mesh(registry, { tls: { ca: other.cert }, services });
    expect((await mesh.fetch('https://rating/')).status).toBe(200);
  });

  test('trusts the authorities of the system without options', async () => {
    await using origin = await TlsOrigin.listen();
    await using registry = origin.registry;
    await using mesh = new Mesh(registry);
    await expect(mesh.fetch('https://rating/')).rejects.toThrow('fetch failed');
  });
});

describe('tls', () => {
  test.each<[string, ClientTls]>([
    ["there is no option 'tls.caPath'", { ['caPath' as 'caFile']: '/ca' }],
    ["cannot read the file of 'tls.caFile', /none (ENOENT)", { caFile: '/none' }],
    ["'tls.certFile' and 'tls.keyFile' go together", { certFile: certOnly }],
    ["the file of 'tls.caFile', ", { caFile: __filename.replace('tls.test', 'index') }],
    ["'tls.ca' and 'tls.caFile' say the same", { ca: rating.cert, caFile: '/none' }],
    ["'tls.cert' and 'tls.key' go together", { cert: rating.cert }],
    ["'tls' cannot be used: ", { cert: rating.cert, key: other.key }],
  ])('is refused when it is given: %s', (message, tls) => {
    expect(() => clientSettings({ tls })).toThrow(message);
    expect(() => clientSettings({ tls })).toThrow(expect.any(TypeError) as Error);
  });
});
