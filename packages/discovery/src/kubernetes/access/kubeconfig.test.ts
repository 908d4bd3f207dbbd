import fs from 'node:fs';
import { inspect } from 'node:util';
import { SourceFailure } from '../../adapter/source-failure';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { kubeAccessSource } from './kube-access-source';
import type { KubeAccess } from './kube-access';
import { KubernetesRegistry } from '../kubernetes-registry';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'kubeconfig-'));
});

afterEach(() => rm(folder, { recursive: true }));

interface Parts {
  readonly name?: string;
  readonly context?: Readonly<Record<string, unknown>>;
  readonly cluster?: Readonly<Record<string, unknown>>;
  readonly user?: Readonly<Record<string, unknown>>;
  readonly namespace?: string;
  readonly current?: string;
}

const pem = (text: string) => `-----BEGIN ${text}`;
const base64 = (text: string) => Buffer.from(pem(text)).toString('base64');

/** JSON is YAML too. */
function kubeconfig({ name = 'home', cluster, user = {}, ...rest }: Parts) {
  const { namespace, context, current = name } = rest;
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: 'https://10.0.0.1:6443', ...cluster } }],
    users: [
      { name, user },
      { name: `${name}-staging`, user: { token: 'of-staging' } },
    ],
    contexts: [
      { name, context: { cluster: name, user: name, namespace, ...context } },
      {
        name: `${name}-staging`,
        context: { cluster: name, user: `${name}-staging`, namespace: 'staging' },
      },
    ],
    'current-context': current,
  });
}

async function write(text: string, name = 'config'): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, text);
  return file;
}

async function accessWith(parts: Parts, context?: string, env = {}): Promise<KubeAccess> {
  const KUBECONFIG = await write(kubeconfig(parts));
  return kubeAccessSource({ context, env: { ...env, KUBECONFIG } })();
}

async function headersWith(user: Readonly<Record<string, unknown>>) {
  const access = await accessWith({ user });
  return (await access.credentials()).headers;
}

async function refusal(finding: Promise<unknown>): Promise<string> {
  const error = await finding.then(
    () => undefined,
    (reason: unknown) => reason as { kind: string; reason: string; message: string },
  );
  expect([error?.kind, error?.reason]).toEqual(['unreachable', 'no_config']);
  return error?.message.replaceAll(folder, '') ?? '';
}

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

it('a kubeconfig may name the same in several files, of which the first counts', async () => {
  const first = await write(kubeconfig({ user: { token: 'first' } }), 'one');
  const second = await write(kubeconfig({ user: { token: 'second' } }), 'two');
  const env = { KUBECONFIG: [first, second].join(path.delimiter) };
  const { headers } = await (await kubeAccessSource({ env })()).credentials();
  expect(headers).toEqual({ authorization: 'Bearer first' });
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

describe('several files', () => {
  const merged = (...files: readonly string[]) => ({ KUBECONFIG: files.join(path.delimiter) });

  it('may be missing, as long as one is there', async () => {
    const file = await write(kubeconfig({ namespace: 'movies' }));
    const [one, two] = ['one', 'two'].map((name) => path.join(folder, name));
    expect(
      (await kubeAccessSource({ env: merged(one ?? '', file, '', two ?? '') })()).namespace,
    ).toBe('movies');
  });

  it('may be empty', async () => {
    const file = await write(kubeconfig({ namespace: 'movies' }));
    const files = [await write('', 'one'), await write('# nothing\n', 'two'), file];
    expect((await kubeAccessSource({ env: merged(...files) })()).namespace).toBe('movies');
  });

  it('give one another contexts, clusters and users, each whole from the first that has it', async () => {
    const contexts = [{ name: 'home', context: { cluster: 'home', user: 'home' } }];
    const first = await write(JSON.stringify({ 'current-context': 'home', contexts }), 'one');
    const second = await write(
      kubeconfig({ namespace: 'second', user: { token: 'second' } }),
      'two',
    );
    const access = await kubeAccessSource({ env: merged(first, second) })();
    expect(access.namespace).toBe('default');
    expect((await access.credentials()).headers).toEqual({ authorization: 'Bearer second' });
  });

  it('have paths that start at the folder of each', async () => {
    await mkdir(path.join(folder, 'sub'));
    await write('there', 'sub/token');
    const users = [{ name: 'home', user: { tokenFile: 'token' } }];
    const first = await write(JSON.stringify({ users }), 'sub/config');
    const second = await write(kubeconfig({}), 'two');
    const access = await kubeAccessSource({ env: merged(first, second) })();
    expect((await access.credentials()).headers).toEqual({ authorization: 'Bearer there' });
  });

  it('are all refused if one is no kubeconfig', async () => {
    const files = [await write(kubeconfig({})), await write('a: [', 'two')];
    expect(await refusal(kubeAccessSource({ env: merged(...files) })())).toMatch(
      'the kubeconfig /two cannot be used: it is not YAML at line 1 (BAD_INDENT)',
    );
  });
});

describe('a kubeconfig is YAML as client-go reads it', () => {
  const withUser = (user: string) => `apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: k, user: u}}]
clusters: [{name: k, cluster: {server: "https://api.test"}}]
users:
- name: u
  user: ${user}`;
  const authorization = async (text: string) => {
    const access = await kubeAccessSource({ env: { KUBECONFIG: await write(text) } })();
    return (await access.credentials()).headers['authorization'];
  };

  it.each([
    ['of two equal keys the last', '{token: a, token: b}', 'Bearer b'],
    ['a date is text', '{token: 2024-01-01}', 'Bearer 2024-01-01'],
    ['a time is text', '{token: 1:30}', 'Bearer 1:30'],
    ['null is nothing', '{token: a, tokenFile: null, exec: ~}', 'Bearer a'],
    ['what comes after the first document is not read', '{token: a}\n---\nb: [', 'Bearer a'],
    ['an alias', '{tokenFile: &a "", token: b, username: *a}', 'Bearer b'],
    ['a field that is not known', '{token: a, tokn: b}', 'Bearer a'],
  ])('%s', async (_, user, expected) => {
    expect(await authorization(withUser(user))).toBe(expected);
  });

  it('and JSON, also with tabs', async () => {
    const config = JSON.parse(kubeconfig({ user: { token: 'a' } })) as unknown;
    expect(await authorization(JSON.stringify(config, undefined, '\t'))).toBe('Bearer a');
  });

  it.each([
    [
      'a number where text belongs',
      withUser('{token: 123}'),
      'has no text as token: put it in quotes',
    ],
    [
      'yes where text belongs',
      withUser('{username: yes}'),
      'has no text as username: put it in quotes',
    ],
    ['a user that is none', withUser('[a]'), "the user 'u' is not a mapping of fields"],
    ['text', 'hello', 'its content is not a mapping of fields'],
    ['a list', '[1]', 'its content is not a mapping of fields'],
    ['another kind', 'kind: Pod', 'it is a Pod of v1, not a Config of v1'],
    ['another version', 'apiVersion: v2', 'it is a Config of v2, not a Config of v1'],
    ['users that are no list', withUser('{}') + '\nusers: {u: {}}', 'its users are not a list'],
    [
      'aliases of aliases without end',
      Array.from({ length: 12 }, (_, i) =>
        i === 0 ? 'a0: &a0 [x]' : `a${i}: &a${i} [${`*a${i - 1},`.repeat(9)}]`,
      ).join('\n'),
      'it is not YAML (too many aliases)',
    ],
  ])('and refuses %s', async (_, text, message) => {
    expect(await refusal(kubeAccessSource({ env: { KUBECONFIG: await write(text) } })())).toContain(
      `the kubeconfig /config cannot be used: ${message.startsWith('has') ? "the user 'u' " : ''}${message}`,
    );
  });
});

it('what the context does not lead to may be broken', async () => {
  const { contexts, clusters, users, ...rest } = JSON.parse(
    kubeconfig({ user: { token: 'a' } }),
  ) as Record<string, unknown[]>;
  const broken = [
    null,
    1,
    {},
    { name: 5 },
    { name: 'bare' },
    { name: 'text', cluster: 'x', user: 'x', context: 'x' },
    { name: 'twice' },
    { name: 'twice' },
    { name: 'odd', cluster: { server: 5 }, user: { exec: {} }, context: { cluster: 'none' } },
  ];
  const KUBECONFIG = await write(
    JSON.stringify({
      ...rest,
      contexts: [...broken, ...(contexts ?? [])],
      clusters: [...broken, ...(clusters ?? [])],
      users: [...broken, ...(users ?? [])],
    }),
  );
  const access = await kubeAccessSource({ env: { KUBECONFIG } })();
  expect((await access.credentials()).headers).toEqual({ authorization: 'Bearer a' });
  for (const [context, message] of [
    ['twice', "the context 'twice' is there twice: remove one"],
    ['odd', "the context 'odd' names the cluster 'none', which does not exist"],
    ['bare', "the context 'bare' names no cluster"],
  ] as const) {
    expect(await refusal(kubeAccessSource({ context, env: { KUBECONFIG } })())).toBe(
      `the kubeconfig /config cannot be used: ${message}`,
    );
  }
});

describe('the access is found again', () => {
  it('when a file of the kubeconfig is changed, exchanged, added or removed, and only then', async () => {
    const files = ['one', 'two'].map((name) => path.join(folder, name));
    const source = kubeAccessSource({ env: { KUBECONFIG: files.join(path.delimiter), HOME: '/' } });
    await expect(source()).rejects.toThrow('no cluster configuration was found');
    await write(kubeconfig({ namespace: 'two' }), 'two');
    const two = await source();
    expect([two.namespace, await source()]).toEqual(['two', two]);
    await write(kubeconfig({ namespace: 'changed' }), 'two');
    expect((await source()).namespace).toBe('changed');
    await write(kubeconfig({ namespace: 'other' }), 'new');
    await rename(path.join(folder, 'new'), path.join(folder, 'two'));
    expect((await source()).namespace).toBe('other');
    await write(kubeconfig({ namespace: 'one' }), 'one');
    expect((await source()).namespace).toBe('one');
    await rm(path.join(folder, 'one'));
    expect((await source()).namespace).toBe('other');
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
  it('no configuration at all, and localhost:8080 is not tried', async () => {
    expect(await refusal(kubeAccessSource({ env: { HOME: folder } })())).toBe(
      'no cluster configuration was found: set KUBECONFIG, or put a kubeconfig at ~/.kube/config; ' +
        'a pod needs the token of a service account',
    );
  });

  it('a context, where there is no kubeconfig that could have it', async () => {
    expect(await refusal(kubeAccessSource({ context: 'home', env: { HOME: folder } })())).toMatch(
      /^there is no kubeconfig that could have the context 'home': set KUBECONFIG/,
    );
  });

  it('files that are not there, or say nothing', async () => {
    const file = path.join(folder, 'none');
    const env = { KUBECONFIG: file };
    expect(await refusal(kubeAccessSource({ env })())).toMatch(
      /^no cluster configuration was found; KUBECONFIG names \/none, which does not exist: set KUBECONFIG/,
    );
    await write('', 'none');
    expect(await refusal(kubeAccessSource({ env })())).toMatch(
      /names \/none, which says nothing: /,
    );
  });

  it('a file that cannot be read', async () => {
    expect(await refusal(kubeAccessSource({ env: { KUBECONFIG: folder } })())).toBe(
      'the kubeconfig  cannot be used: it cannot be read (EISDIR)',
    );
  });

  it('contexts of which none is the current one', async () => {
    expect(await refusal(accessWith({ current: '' }))).toBe(
      "the kubeconfig /config cannot be used: it has no current-context; there are 'home', 'home-staging': " +
        'kubectl config use-context chooses one',
    );
  });

  it('a file that is no YAML', async () => {
    const env = { KUBECONFIG: await write('clusters: [') };
    expect(await refusal(kubeAccessSource({ env })())).toMatch(
      /^the kubeconfig \/config cannot be used: /,
    );
  });

  it.each<[string, Parts, string | undefined, string]>([
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

  it.each<[string, Parts, string]>([
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

  it('options that exclude each other', () => {
    const access = {} as KubeAccess;
    expect(() => kubeAccessSource({ context: 'home', access })).toThrow(
      new TypeError('context and access exclude each other: give one'),
    );
    const findAccess = async () => access;
    expect(() => kubeAccessSource({ access, findAccess })).toThrow(
      new TypeError('access and findAccess exclude each other: give one'),
    );
    expect(() => new KubernetesRegistry({ context: 'home', findAccess })).toThrow(
      'context and findAccess exclude each other: give one',
    );
  });

  it.each([
    ['api.test', "'api.test'"],
    ['https://api.test/', "'https://api.test/'"],
    ['https://ann:b@api.test', 'one with a user or password'],
  ])('an access whose server is %s', async (server, shown) => {
    const access = { server } as KubeAccess;
    const message = `the server of the access is ${shown}: expected https://host:port without a slash at its end`;
    expect(() => kubeAccessSource({ access })).toThrow(message);
    await expect(kubeAccessSource({ findAccess: async () => access })()).rejects.toThrow(message);
  });
});
