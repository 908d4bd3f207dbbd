import fs from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { inspect } from 'node:util';
import { SourceFailure } from '../../adapter/source-failure';
import {
  accessWith,
  base64,
  folder,
  headersWith,
  kubeconfig,
  pem,
  refusal,
  useFolder,
  write,
  type KubeconfigParts,
} from '../testing/kubeconfig-folder';
import { kubeAccessSource } from './kube-access-source';

useFolder();

describe('a kubeconfig', () => {
  it('gives server and namespace of its current context', async () => {
    const { server, namespace } = await accessWith({ namespace: 'movies' });
    expect([server, namespace]).toEqual(['https://10.0.0.1:6443', 'movies']);
  });

  it('means the namespace default where the context names none', async () => {
    expect((await accessWith({})).namespace).toBe('default');
  });

  it('means that of the pod there, as for kubectl, unless the context names one', async () => {
    const exists = jest.spyOn(fs, 'existsSync').mockReturnValue(true);
    try {
      const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', POD_NAMESPACE: 'of-the-pod' };
      expect((await accessWith({}, undefined, env)).namespace).toBe('of-the-pod');
      expect((await accessWith({ namespace: 'movies' }, undefined, env)).namespace).toBe('movies');
      expect((await accessWith({})).namespace).toBe('default');
    } finally {
      exists.mockRestore();
    }
  });

  it('gives those of a context by name, and its user', async () => {
    const access = await accessWith({}, 'home-staging');
    expect(access.namespace).toBe('staging');
    const { headers } = await access.credentials();
    expect(headers).toEqual({ authorization: 'Bearer of-staging' });
  });

  it('keeps the path of a server behind a gateway', async () => {
    const { server } = await accessWith({ cluster: { server: 'https://rancher.test/k8s/c-1/' } });
    expect(server).toBe('https://rancher.test/k8s/c-1');
  });

  it.each(['10.0.0.1:8080', 'localhost:8080', 'localhost', 'localhost/', '[::1]:8080'])(
    'means http by a server without a scheme, as %s, which gets no credentials',
    async (server) => {
      const access = await accessWith({ cluster: { server }, user: { token: 'secret' } });
      expect(access.server).toBe(`http://${server.replace('/', '')}`);
      expect(await access.credentials()).toEqual({ headers: {}, tls: {} });
    },
  );

  it('is looked for at ~/.kube/config', async () => {
    await expect(kubeAccessSource({ env: { HOME: folder } })()).rejects.toMatchObject({
      reason: 'no_config',
    });
  });

  it('may be several files, of which the first that names a context decides', async () => {
    const first = await write(kubeconfig({ name: 'one', current: '' }), 'one');
    const second = await write(kubeconfig({ name: 'two', namespace: 'second' }), 'two');
    const third = await write(kubeconfig({ name: 'three' }), 'three');
    const env = { KUBECONFIG: [first, second, third].join(path.delimiter) };
    expect((await kubeAccessSource({ env })()).namespace).toBe('second');
    expect((await kubeAccessSource({ env, context: 'one-staging' })()).namespace).toBe('staging');
  });
});

describe('its credentials', () => {
  it('are a token, trimmed', async () => {
    expect(await headersWith({ token: 'secret\n' })).toEqual({ authorization: 'Bearer secret' });
  });

  it('are a user and a password', async () => {
    const authorization = `Basic ${Buffer.from('ann:secret').toString('base64')}`;
    expect(await headersWith({ username: 'ann', password: 'secret' })).toEqual({ authorization });
  });

  it('are a tokenFile beside it, read again each time, which counts more than a token', async () => {
    await write('first\n', 'token');
    const access = await accessWith({ user: { tokenFile: 'token', token: 'fixed' } });
    const authorization = async () => (await access.credentials()).headers['authorization'];
    expect(await authorization()).toBe('Bearer first');
    await write('second', 'token');
    expect(await authorization()).toBe('Bearer second');
    await rm(path.join(folder, 'token'));
    expect(await authorization()).toBe('Bearer fixed');
  });

  it('are certificates and the name to check', async () => {
    const access = await accessWith({
      cluster: { 'certificate-authority-data': base64('ca'), 'tls-server-name': 'kube.test' },
      user: { 'client-certificate-data': base64('cert'), 'client-key-data': base64('key') },
    });
    expect((await access.credentials()).tls).toEqual({
      ca: Buffer.from(pem('ca')),
      cert: Buffer.from(pem('cert')),
      key: Buffer.from(pem('key')),
      servername: 'kube.test',
    });
  });

  it('are not checked where that is wanted', async () => {
    const access = await accessWith({ cluster: { 'insecure-skip-tls-verify': true } });
    expect((await access.credentials()).tls).toEqual({ rejectUnauthorized: false });
  });

  it('are read from files beside it, again each time', async () => {
    const user = { 'client-certificate': 'cert.pem', 'client-key': 'key.pem' };
    const access = await accessWith({ cluster: { 'certificate-authority': 'ca.pem' }, user });
    for (const content of ['first', 'second'].map(pem)) {
      for (const name of ['ca.pem', 'cert.pem', 'key.pem']) await write(content, name);
      const { ca, cert, key } = (await access.credentials()).tls;
      expect([ca, cert, key].map(String)).toEqual([content, content, content]);
    }
  });

  it('are for whom the user acts, with each group in a header of its own', async () => {
    const { authorization, ...acting } = await headersWith({
      token: 'secret',
      as: 'ann',
      'as-uid': '42',
      'as-groups': ['developers', 'x,y', 'admins'],
      'as-user-extra': { 'example.com/Team%': ['blue', 'grün'] },
    });
    expect(authorization).toBe('Bearer secret');
    expect(Object.entries(acting).map(([name, value]) => [name.toLowerCase(), value])).toEqual([
      ['impersonate-user', 'ann'],
      ['impersonate-uid', '42'],
      ['impersonate-group', 'developers'],
      ['impersonate-group', 'x,y'],
      ['impersonate-group', 'admins'],
      ['impersonate-extra-example.com%2fteam%25', 'blue'],
      ['impersonate-extra-example.com%2fteam%25', Buffer.from('grün').toString('latin1')],
    ]);
  });

  it('are none without a user, and none but for whom it acts without TLS', async () => {
    const anonymous = await accessWith({ context: { user: undefined } });
    expect((await anonymous.credentials()).headers).toEqual({});
    const open = await accessWith({
      cluster: { server: 'http://127.0.0.1:8001' },
      user: { token: 'secret', as: 'ann' },
    });
    expect(open.server).toBe('http://127.0.0.1:8001');
    expect(await open.credentials()).toEqual({ headers: { 'impersonate-user': 'ann' }, tls: {} });
  });
});

describe('the proxy', () => {
  const env = { HTTPS_PROXY: 'http://env.test:3128' };

  it('is that of the cluster, else that of the environment', async () => {
    const cluster = { 'proxy-url': 'socks5://localhost:1080' };
    expect((await accessWith({ cluster }, undefined, env)).proxy).toBe('socks5://localhost:1080');
    expect((await accessWith({}, undefined, env)).proxy).toBe('http://env.test:3128');
    expect((await accessWith({})).proxy).toBe(undefined);
  });

  it('is none for the servers of NO_PROXY, unless the cluster names one', async () => {
    const exempt = { ...env, NO_PROXY: '10.0.0.0/8' };
    expect((await accessWith({}, undefined, exempt)).proxy).toBe(undefined);
    const cluster = { 'proxy-url': 'http://proxy.test' };
    expect((await accessWith({ cluster }, undefined, exempt)).proxy).toBe('http://proxy.test');
  });
});

it.each([
  'token: "S3CRET\n',
  'password: S3CRET: x\n',
  'token: *S3CRET\n',
  "clusters: [{ name: c, cluster: { server: 'https://admin:S3CRET@bad host' } }]\n" +
    'contexts: [{ name: x, context: { cluster: c } }]\ncurrent-context: x\n',
  "clusters: [{ name: c, cluster: { server: 'https://admin:S3CRET@host' } }]\n" +
    'contexts: [{ name: x, context: { cluster: c } }]\ncurrent-context: x\n',
])('what is refused shows no credential: %j', async (text) => {
  const failure: unknown = await kubeAccessSource({
    env: { KUBECONFIG: await write(text) },
  })().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(SourceFailure);
  expect(inspect(failure, { depth: 9 })).not.toContain('S3CRET');
});

describe('what cannot be used is refused', () => {
  it.each<[string, KubeconfigParts, string | undefined, string]>([
    [
      'a context that does not exist',
      {},
      'work',
      "the context 'work' does not exist; there are 'home', 'home-staging'",
    ],
    [
      'a current context that does not exist',
      { current: 'gone' },
      undefined,
      "its current-context 'gone' does not exist; there are 'home', 'home-staging'",
    ],
    [
      'a server that is no URL',
      { cluster: { server: 'localhost/k8s' } },
      undefined,
      "the cluster 'home' has the server 'localhost/k8s', which is no https:// or http:// URL",
    ],
    ['no server', { cluster: { server: '' } }, undefined, "the cluster 'home' has no server"],
    [
      'a proxy of another kind',
      { cluster: { 'proxy-url': 'ftp://localhost' } },
      undefined,
      "the cluster 'home' has a proxy-url that is not the URL of a proxy: write http://HOST:PORT, " +
        'or https:// or socks5:// instead of http://',
    ],
    [
      'a user that does not exist',
      { context: { user: 'ann' } },
      undefined,
      "the context 'home' names the user 'ann', which does not exist",
    ],
    [
      'a cluster that does not exist',
      { context: { cluster: 'work' } },
      undefined,
      "the context 'home' names the cluster 'work', which does not exist",
    ],
    [
      'a token and a password',
      { user: { token: 'a', username: 'b' } },
      undefined,
      "the user 'home' has a token and a password: remove one",
    ],
    [
      'a certificate without its key',
      { user: { 'client-certificate-data': base64('x') } },
      undefined,
      "the user 'home' has a client-certificate without client-key or client-key-data",
    ],
    [
      'a certificate that is there twice',
      { user: { 'client-certificate-data': base64('x'), 'client-certificate': 'x' } },
      undefined,
      "the user 'home' has both client-certificate and client-certificate-data: remove one",
    ],
    [
      'what is no base64',
      { cluster: { 'certificate-authority-data': '?' } },
      undefined,
      "the cluster 'home' has a certificate-authority-data that is not base64",
    ],
    [
      'what is no PEM',
      { cluster: { 'certificate-authority-data': 'AAAA' } },
      undefined,
      "the cluster 'home' has a certificate-authority-data that holds no PEM",
    ],
    [
      'an authority that is not used',
      { cluster: { 'certificate-authority': 'x', 'insecure-skip-tls-verify': true } },
      undefined,
      "the cluster 'home' has a certificate-authority and insecure-skip-tls-verify: remove one",
    ],
    [
      'groups without the user who is in them',
      { user: { 'as-groups': ['a'] } },
      undefined,
      "the user 'home' has as-uid, as-groups or as-user-extra, but no 'as' that says whom it acts for",
    ],
    [
      'an auth provider that is not known',
      { user: { 'auth-provider': { name: 'gcp' } } },
      undefined,
      "the user 'home' has the auth-provider 'gcp', which kubectl has no longer: use an exec plug-in, " +
        'such as gke-gcloud-auth-plugin or kubelogin',
    ],
    [
      'an exec plug-in beside an auth provider',
      { user: { exec: {}, 'auth-provider': { name: 'oidc' } } },
      undefined,
      "the user 'home' has an exec plug-in and an auth-provider: remove one",
    ],
  ])('%s', async (_, parts, context, reason) => {
    expect(await refusal(accessWith(parts, context))).toBe(
      `the kubeconfig /config cannot be used: ${reason}`,
    );
  });

  it.each<[string, KubeconfigParts, string]>([
    [
      'a file that a field names',
      { user: { tokenFile: 'none' } },
      "the user 'home' has a tokenFile that cannot be read: /none (ENOENT)",
    ],
    [
      'an authority that cannot be read',
      { cluster: { 'certificate-authority': 'none' } },
      "the cluster 'home' has a certificate-authority that cannot be read: /none (ENOENT)",
    ],
    [
      'a token that no header holds',
      { user: { token: 'a\nb' } },
      "the user 'home' has a token that holds a line break or control character, which no header can have",
    ],
  ])('%s', async (_, parts, reason) => {
    const access = await accessWith(parts);
    expect(await refusal(access.credentials())).toBe(
      `the kubeconfig /config cannot be used: ${reason}`,
    );
  });

  it('a tokenFile that no header holds', async () => {
    await write('a\0b\n', 'token');
    const access = await accessWith({ user: { tokenFile: 'token' } });
    expect(await refusal(access.credentials())).toBe(
      "the kubeconfig /config cannot be used: the user 'home' has a tokenFile that holds a line break or control " +
        'character, which no header can have',
    );
  });

  it('for whom the user acts, where no header holds it', async () => {
    expect(await refusal(accessWith({ user: { as: 'a\nb' } }))).toBe(
      "the kubeconfig /config cannot be used: the user 'home' has a value for impersonate-user that holds a line break " +
        'or control character, which no header can have',
    );
  });
});
