import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { ManualClock } from '@movies/time/testing';
import { selfSigned } from '../../testing/self-signed';
import { kubeAccessSource } from './kube-access-source';

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
  return kubeAccessSource({ clock, env: { KUBECONFIG: file } })();
}

const oidc = (config: object) => ({ 'auth-provider': { name: 'oidc', config } });

/** An issuer of tokens, over TLS of its own; `answer` says what it gives for a refresh token. */
async function startIssuer(methods?: readonly string[]) {
  const tls = selfSigned();
  const asked: { readonly authorization: string | undefined; readonly body: string }[] = [];
  const issuer = {
    url: '',
    ca: Buffer.from(tls.cert).toString('base64'),
    asked,
    status: 200,
    answer: (n: number): unknown => ({
      id_token: tokenUntil(now + 3600, n),
      refresh_token: `r${n + 1}`,
    }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  const server = createServer(tls, (request, response) => {
    if (request.url === '/.well-known/openid-configuration') {
      const metadata = {
        token_endpoint: `${issuer.url}/token`,
        token_endpoint_auth_methods_supported: methods,
      };
      response.end(JSON.stringify(metadata));
      return;
    }
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      asked.push({ authorization: request.headers.authorization, body });
      const answer = issuer.answer(asked.length);
      response.writeHead(issuer.status);
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  issuer.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return issuer;
}

function tokenUntil(exp: number, n = 0): string {
  return jwt({ exp, n });
}

describe('the auth provider oidc', () => {
  const settings = { 'client-id': 'movies', 'refresh-token': 'r1' };

  it('gives its id-token as long as that is good', async () => {
    const token = tokenUntil(now + 60);
    const access = await accessWith(oidc({ 'id-token': token }));
    expect((await access.credentials()).headers).toEqual({ authorization: `Bearer ${token}` });
  });

  it.each([
    ['expired', tokenUntil(now - 60)],
    ['about to expire', tokenUntil(now + 5)],
    ['no token', 'x'],
    ['absent', ''],
  ])('exchanges its refresh-token if the id-token is %s', async (_, token) => {
    await using issuer = await startIssuer();
    const access = await accessWith(
      oidc({
        ...settings,
        'idp-issuer-url': `${issuer.url}/`,
        'idp-certificate-authority-data': issuer.ca,
        'id-token': token,
      }),
    );
    const authorization = `Bearer ${tokenUntil(now + 3600, 1)}`;
    expect((await access.credentials()).headers).toEqual({ authorization });
    await clock.advance(3_000_000);
    expect((await access.credentials()).headers).toEqual({ authorization });
    expect(issuer.asked).toEqual([
      {
        authorization: undefined,
        body: 'grant_type=refresh_token&refresh_token=r1&client_id=movies',
      },
    ]);
  });

  it('goes on with the refresh-token that it was given last', async () => {
    await using issuer = await startIssuer();
    const config = {
      'idp-issuer-url': issuer.url,
      'idp-certificate-authority-data': issuer.ca,
      'id-token': tokenUntil(now + 60),
    };
    const access = await accessWith(oidc({ ...settings, ...config }));
    const refused = await access.credentials();
    await access.credentials({ refused });
    await clock.advance(3_700_000);
    await access.credentials();
    expect(issuer.asked.map(({ body }) => new URLSearchParams(body).get('refresh_token'))).toEqual([
      'r1',
      'r2',
    ]);
  });

  it.each<[string, readonly string[] | undefined, string | undefined, string]>([
    ['a header', undefined, 'Basic bW92aWVzOmElM0Fi', ''],
    ['the body', ['client_secret_post'], undefined, '&client_id=movies&client_secret=a%3Ab'],
  ])('tells its secret in %s', async (_, methods, authorization, body) => {
    await using issuer = await startIssuer(methods);
    const config = {
      'idp-issuer-url': issuer.url,
      'idp-certificate-authority-data': issuer.ca,
      'client-secret': 'a:b',
    };
    await (await accessWith(oidc({ ...settings, ...config }))).credentials();
    expect(issuer.asked).toEqual([
      { authorization, body: `grant_type=refresh_token&refresh_token=r1${body}` },
    ]);
  });

  it.each<[string, object, string]>([
    [
      'no refresh-token',
      { 'refresh-token': '' },
      'expired or refused, and no refresh-token: log in again',
    ],
    ['no issuer', {}, 'has an auth-provider oidc without idp-issuer-url'],
    ['no client-id', { 'client-id': '', 'idp-issuer-url': 'https://x' }, 'oidc without client-id'],
    [
      'an issuer that is no URL',
      { 'idp-issuer-url': 'x' },
      "the idp-issuer-url 'x', which is no URL",
    ],
    ['an issuer that is not there', { 'idp-issuer-url': 'https://127.0.0.1:9' }, 'ECONNREFUSED'],
  ])('says what is wrong with %s', async (_, config, message) => {
    const access = await accessWith(oidc({ ...settings, ...config }));
    await expect(access.credentials()).rejects.toMatchObject({
      reason: 'no_config',
      message: expect.stringContaining(message) as string,
    });
  });

  it.each<[number, unknown, string]>([
    [
      400,
      { error: 'invalid_grant', error_description: 'S3CRET' },
      '/token answered 400: invalid_grant',
    ],
    [400, { error: 'S3CRET' }, '/token answered 400'],
    [500, 'S3CRET', '/token answered 500'],
    [200, 'S3CRET', '/token answered with what is no JSON object'],
    [200, { error: 'S3CRET' }, 'it gave no id_token'],
    [
      200,
      { id_token: 'S3CRET\nx' },
      'whose id-token holds a line break or control character, which no header can have',
    ],
  ])(
    'says what the issuer refuses by %d %j, and nothing more of it',
    async (status, answer, end) => {
      await using issuer = await startIssuer();
      Object.assign(issuer, { status, answer: () => answer });
      const config = { 'idp-issuer-url': issuer.url, 'idp-certificate-authority-data': issuer.ca };
      const access = await accessWith(oidc({ ...settings, ...config }));
      const failure: unknown = await access.credentials().catch((error: unknown) => error);
      expect(failure).toMatchObject({
        message: expect.stringMatching(
          new RegExp(`the user 'u' has an auth-provider oidc .*${end}$`),
        ) as string,
      });
      expect(inspect(failure, { depth: 9 })).not.toContain('S3CRET');
    },
  );
});

// In a process of its own: what this one has loaded proves nothing.
describe('client-node is not loaded', () => {
  const plugin = {
    apiVersion: 'client.authentication.k8s.io/v1',
    interactiveMode: 'Never',
    command: process.execPath,
    args: [
      '-e',
      `console.log('{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t"}}')`,
    ],
  };

  it.each<[string, object]>([
    ['for a token', { token: 'a' }],
    ['for an exec plug-in', { exec: plugin }],
    ['for an auth provider', oidc({ 'id-token': jwt({ exp: 1 }) })],
  ])('%s', async (_, user) => {
    await accessWith(user);
    const module = path.join(__dirname, 'kube-access-source.ts');
    const program = `
      const loaded = [];
      require('node:module').registerHooks({
        load: (url, context, next) => (loaded.push(url), next(url, context)),
      });
      const { kubeAccessSource } = require(${JSON.stringify(module)});
      kubeAccessSource({ env: { KUBECONFIG: ${JSON.stringify(file)} } })()
        .then((access) => access.credentials())
        .catch(() => undefined)
        .then(() => console.log(loaded.some((url) => url.includes('@kubernetes/client-node'))));`;
    const output = execFileSync(process.execPath, ['-r', 'ts-node/register', '-e', program], {
      encoding: 'utf8',
      timeout: 25_000,
    });
    expect(output.trim()).toBe('false');
  });
});
