import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ManualClock } from '@movies/time/testing';
import { selfSigned } from '../../testing/self-signed';
import { findKubeAccess } from './find-kube-access';

const now = Math.floor(Date.now() / 1000);
let folder: string;
let file: string;
let clock: ManualClock;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'provider-'));
  file = path.join(folder, 'config');
  clock = new ManualClock(now * 1000);
});

afterEach(() => rm(folder, { recursive: true }));

function jwt(claims: object): string {
  const parts = [{ alg: 'RS256' }, claims, 'signature'];
  return parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
}

async function accessWith(user: object) {
  const config = {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    clusters: [{ name: 'k', cluster: { server: 'https://api.test:6443' } }],
    users: [{ name: 'u', user }],
  };
  await writeFile(file, JSON.stringify(config));
  return findKubeAccess({ clock, env: { KUBECONFIG: file } });
}

const oidc = (config: object) => ({ 'auth-provider': { name: 'oidc', config } });

/** An issuer of tokens that knows the refresh token `r1`, exchanges it for `r2`, and so on. */
async function startIssuer(): Promise<{
  server: Server;
  url: string;
  ca: string;
  asked: string[];
}> {
  const tls = selfSigned();
  const asked: string[] = [];
  const server = createServer(tls, (request, response) => {
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    response.setHeader('content-type', 'application/json');
    if (request.url?.startsWith('/.well-known/') === true) {
      response.end(JSON.stringify({ issuer: url, token_endpoint: `${url}/token` }));
      return;
    }
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      asked.push(new URLSearchParams(body).get('refresh_token') ?? '');
      const claims = { iss: url, aud: 'movies', sub: 'ann', iat: now, exp: now + 3600 };
      response.end(
        JSON.stringify({
          id_token: jwt({ ...claims, n: asked.length }),
          access_token: 'x',
          token_type: 'bearer',
          refresh_token: `r${asked.length + 1}`,
          expires_in: 300,
        }),
      );
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { server, url, ca: tls.cert, asked };
}

describe('the auth provider oidc', () => {
  it('gives its id-token as long as that is good', async () => {
    const token = jwt({ exp: now + 60 });
    const access = await accessWith(oidc({ 'id-token': token, 'client-secret': 'not needed' }));
    expect((await access.credentials()).headers).toEqual({ authorization: `Bearer ${token}` });
  });

  it.each([
    ['expired', jwt({ exp: now - 60 })],
    ['absent', ''],
  ])(
    'exchanges its refresh-token once the id-token is %s, and keeps what it gets',
    async (_, token) => {
      const { server, url, ca, asked } = await startIssuer();
      try {
        const access = await accessWith(
          oidc({
            'idp-issuer-url': url,
            'idp-certificate-authority-data': Buffer.from(ca).toString('base64'),
            'client-id': 'movies',
            'refresh-token': 'r1',
            'id-token': token,
          }),
        );
        const { headers } = await access.credentials();
        expect(headers['authorization']).toMatch(/^Bearer .+\..+\./);
        await clock.advance(3_000_000);
        expect((await access.credentials()).headers).toEqual(headers);
        expect(asked).toEqual(['r1']);
      } finally {
        server.close();
        await once(server, 'close');
      }
    },
  );

  it.each<[string, object, string]>([
    ['log in again', {}, "has an auth-provider 'oidc' that gives no token: log in again"],
    [
      'let kubectl ask for a client with a secret',
      { 'client-secret': 's' },
      'with a client-secret cannot be asked for another: call kubectl',
    ],
  ])('says to %s where it has no other', async (_, config, message) => {
    const access = await accessWith(oidc({ 'id-token': jwt({ exp: now - 60 }), ...config }));
    await expect(access.credentials()).rejects.toMatchObject({
      reason: 'no_config',
      message: expect.stringContaining(message) as string,
    });
  });
});

// In a process of its own: what this one has loaded proves nothing.
describe('client-node is loaded', () => {
  const token = jwt({ exp: 4_000_000_000 });
  const plugin = {
    apiVersion: 'client.authentication.k8s.io/v1',
    interactiveMode: 'Never',
    command: process.execPath,
    args: [
      '-e',
      `console.log('{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t"}}')`,
    ],
  };

  it.each<[string, object, boolean]>([
    ['for a token', { token: 'a' }, false],
    ['for an exec plug-in', { exec: plugin }, false],
    ['for a good id-token', oidc({ 'id-token': token }), false],
    ['for an expired id-token', oidc({ 'id-token': jwt({ exp: 1 }) }), true],
  ])('%s: %s', async (_, user, isLoaded) => {
    await accessWith(user);
    const module = path.join(__dirname, 'find-kube-access.ts');
    const program = `
      const loaded = [];
      require('node:module').registerHooks({
        load: (url, context, next) => (loaded.push(url), next(url, context)),
      });
      const { findKubeAccess } = require(${JSON.stringify(module)});
      findKubeAccess({ env: { KUBECONFIG: ${JSON.stringify(file)} } })
        .then((access) => access.credentials())
        .catch(() => undefined)
        .then(() => console.log(loaded.some((url) => url.includes('@kubernetes/client-node'))));`;
    const output = execFileSync(process.execPath, ['-r', 'ts-node/register', '-e', program], {
      encoding: 'utf8',
      timeout: 25_000,
    });
    expect(output.trim()).toBe(String(isLoaded));
  });
});
