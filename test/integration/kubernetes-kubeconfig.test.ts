import { spawn, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LimitedSignal, systemClock } from '@movies/time';
import { kubeAccessSource } from '../../packages/discovery/src/kubernetes/access/kube-access-source';
import { KubeApi } from '../../packages/discovery/src/kubernetes/api-server/kube-api';
import { FakeApiServer } from '../../packages/discovery/src/testing/fake-api-server';
import { selfSigned } from '../../packages/discovery/src/testing/self-signed';
import { TunnelProxy } from '../../packages/discovery/src/testing/tunnel-proxy';
import { describeWith } from '../describe-with';

type Fields = Readonly<Record<string, unknown>>;

/** A kubeconfig, of which a test changes some of what makes it usable. */
interface Parts {
  readonly root?: Fields;
  readonly cluster?: Fields;
  readonly user?: Fields;
  readonly context?: Fields;
}

/** What a server sees of a client. */
interface Seen {
  readonly namespace?: string;
  readonly authorization?: string | undefined;
  readonly acting?: readonly string[];
  readonly servername?: string | undefined;
  readonly certificate?: string | undefined;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const basic = `Basic ${base64('ann:b')}`;
const own = selfSigned();
const fingerprint = new X509Certificate(own.cert).fingerprint256;
const v1 = 'client.authentication.k8s.io/v1';

/** A plug-in of the shell, whose token says what it was given. */
function plugin(token: string, more: Fields = {}): Fields {
  const answer = `{"apiVersion":"${v1}","kind":"ExecCredential","status":{"token":"'"${token}"'"}}`;
  return {
    apiVersion: v1,
    interactiveMode: 'Never',
    command: 'sh',
    args: ['-c', `echo '${answer}'`],
    ...more,
  };
}

const field = (name: string) =>
  `$(printf %s "$KUBERNETES_EXEC_INFO" | sed -n 's/.*"${name}":"\\{0,1\\}\\([^",}]*\\).*/\\1/p')`;

/** Every field of client-go's clientcmd/api/v1, by its type. */
const types = {
  Config: 'kind apiVersion preferences clusters users contexts current-context extensions'.split(
    ' ',
  ),
  Preferences: 'colors extensions'.split(' '),
  Cluster: [
    ...['server', 'tls-server-name', 'insecure-skip-tls-verify', 'certificate-authority'],
    ...['certificate-authority-data', 'proxy-url', 'disable-compression', 'extensions'],
  ],
  AuthInfo: [
    ...['client-certificate', 'client-certificate-data', 'client-key', 'client-key-data'],
    ...['token', 'tokenFile', 'as', 'as-uid', 'as-groups', 'as-user-extra'],
    ...['username', 'password', 'auth-provider', 'exec', 'extensions'],
  ],
  Context: 'cluster user namespace extensions'.split(' '),
  NamedCluster: 'name cluster'.split(' '),
  NamedContext: 'name context'.split(' '),
  NamedAuthInfo: 'name user'.split(' '),
  NamedExtension: 'name extension'.split(' '),
  AuthProviderConfig: 'name config'.split(' '),
  ExecConfig: [
    ...['command', 'args', 'env', 'apiVersion', 'installHint', 'provideClusterInfo'],
    'interactiveMode',
  ],
  ExecEnvVar: 'name value'.split(' '),
};

const extensions = [{ name: 'tool', extension: { anything: [1] } }];
const jwt = ['{}', '{"exp":4000000000}', '{}'].map((part) => base64(part)).join('.');

/** The fields that a row shows, what the kubeconfig says, and what the server sees more than nothing. */
const honoured: readonly [string, Parts, Seen][] = [
  ['Config.clusters Config.users Config.contexts Config.current-context', {}, {}],
  ['NamedCluster.name NamedCluster.cluster NamedContext.name NamedContext.context', {}, {}],
  ['NamedAuthInfo.name NamedAuthInfo.user Context.cluster Context.user Cluster.server', {}, {}],
  ['Config.kind Config.apiVersion', { root: { kind: undefined, apiVersion: undefined } }, {}],
  ['Config.extensions', { root: { extensions } }, {}],
  [
    'Config.preferences Preferences.colors Preferences.extensions',
    { root: { preferences: { colors: true, extensions } } },
    {},
  ],
  ['Context.namespace', { context: { namespace: 'movies' } }, { namespace: 'movies' }],
  ['Context.extensions', { context: { extensions } }, {}],
  ['Cluster.extensions', { cluster: { extensions } }, {}],
  ['AuthInfo.extensions', { user: { extensions, token: 'a' } }, { authorization: 'Bearer a' }],
  ['Cluster.disable-compression', { cluster: { 'disable-compression': true } }, {}],
  [
    'Cluster.tls-server-name',
    { cluster: { 'tls-server-name': 'localhost' } },
    { servername: 'localhost' },
  ],
  [
    'Cluster.insecure-skip-tls-verify',
    { cluster: { 'insecure-skip-tls-verify': true, 'certificate-authority-data': undefined } },
    {},
  ],
  [
    'Cluster.certificate-authority',
    { cluster: { 'certificate-authority': 'ca.pem', 'certificate-authority-data': undefined } },
    {},
  ],
  ['Cluster.certificate-authority-data', {}, {}],
  ['AuthInfo.token', { user: { token: 'secret' } }, { authorization: 'Bearer secret' }],
  ['AuthInfo.tokenFile', { user: { tokenFile: 'token' } }, { authorization: 'Bearer from-file' }],
  [
    'AuthInfo.token AuthInfo.tokenFile',
    { user: { token: 'secret', tokenFile: 'token' } },
    { authorization: 'Bearer from-file' },
  ],
  [
    'AuthInfo.username AuthInfo.password',
    { user: { username: 'ann', password: 'b' } },
    { authorization: basic },
  ],
  [
    'AuthInfo.client-certificate-data AuthInfo.client-key-data',
    {
      user: { 'client-certificate-data': base64(own.cert), 'client-key-data': base64(own.key) },
    },
    { certificate: fingerprint },
  ],
  [
    'AuthInfo.client-certificate AuthInfo.client-key',
    { user: { 'client-certificate': 'sub/cert.pem', 'client-key': 'sub/key.pem' } },
    { certificate: fingerprint },
  ],
  [
    'AuthInfo.as AuthInfo.as-uid AuthInfo.as-groups AuthInfo.as-user-extra',
    {
      user: {
        token: 'a',
        as: 'carl',
        'as-uid': '42',
        'as-groups': ['admins', 'x, y', 'z'],
        'as-user-extra': { 'example.com/team %': ['blue', 'grün'] },
      },
    },
    {
      authorization: 'Bearer a',
      acting: [
        'impersonate-extra-example.com%2fteam%20%25: blue',
        `impersonate-extra-example.com%2fteam%20%25: ${Buffer.from('grün').toString('latin1')}`,
        'impersonate-group: admins',
        'impersonate-group: x, y',
        'impersonate-group: z',
        'impersonate-uid: 42',
        'impersonate-user: carl',
      ],
    },
  ],
  [
    'AuthInfo.auth-provider AuthProviderConfig.name AuthProviderConfig.config',
    {
      user: {
        'auth-provider': {
          name: 'oidc',
          config: { 'idp-issuer-url': 'https://issuer.test', 'client-id': 'a', 'id-token': jwt },
        },
      },
    },
    { authorization: `Bearer ${jwt}` },
  ],
  [
    'AuthInfo.exec ExecConfig.command ExecConfig.args ExecConfig.apiVersion ExecConfig.interactiveMode',
    { user: { exec: plugin('t') } },
    { authorization: 'Bearer t' },
  ],
  [
    'ExecConfig.command',
    { user: { exec: { ...plugin(''), command: './sub/login', args: [] } } },
    { authorization: 'Bearer beside-the-file' },
  ],
  [
    'ExecConfig.env ExecEnvVar.name ExecEnvVar.value',
    { user: { exec: plugin('$PROFILE', { env: [{ name: 'PROFILE', value: 'work' }] }) } },
    { authorization: 'Bearer work' },
  ],
  [
    'ExecConfig.apiVersion',
    { user: { exec: plugin(field('apiVersion')) } },
    { authorization: `Bearer ${v1}` },
  ],
  [
    'ExecConfig.interactiveMode',
    { user: { exec: plugin(field('interactive'), { interactiveMode: 'IfAvailable' }) } },
    { authorization: 'Bearer false' },
  ],
  [
    'ExecConfig.provideClusterInfo',
    {
      user: { exec: plugin(field('tls-server-name'), { provideClusterInfo: true }) },
      cluster: { 'tls-server-name': 'localhost' },
    },
    { authorization: 'Bearer localhost', servername: 'localhost' },
  ],
  [
    'NamedExtension.name NamedExtension.extension',
    {
      user: { exec: plugin(field('audience'), { provideClusterInfo: true }) },
      cluster: {
        extensions: [
          ...extensions,
          { name: 'client.authentication.k8s.io/exec', extension: { audience: 'home' } },
        ],
      },
    },
    { authorization: 'Bearer home' },
  ],
  [
    'AuthInfo.token AuthInfo.exec',
    { user: { token: 'fixed', exec: plugin('t') } },
    { authorization: 'Bearer fixed' },
  ],
];

/** What each of both names when it refuses. */
const refused: readonly [string, Parts, string, string][] = [
  ['Config.kind', { root: { kind: 'Pod' } }, 'Pod', 'a Pod of v1'],
  ['Config.apiVersion', { root: { apiVersion: 'v2' } }, 'v2', 'a Config of v2'],
  ['Config.current-context', { root: { 'current-context': 'none' } }, '', "current-context 'none'"],
  ['Cluster.proxy-url', { cluster: { 'proxy-url': 'ftp://x' } }, 'proxy-url', 'proxy-url'],
  ['Cluster.proxy-url', { cluster: { 'proxy-url': 'socks5h://x' } }, 'socks5h', 'socks5://'],
  ['Cluster.server', { cluster: { server: 'x/y' } }, 'host:port', "server 'x/y'"],
  [
    'Cluster.certificate-authority',
    { cluster: { 'certificate-authority': 'ca.pem' } },
    'certificate-authority-data and certificate-authority are both',
    'both certificate-authority and certificate-authority-data',
  ],
  [
    'Cluster.insecure-skip-tls-verify',
    { cluster: { 'insecure-skip-tls-verify': true } },
    'insecure flag',
    'insecure-skip-tls-verify',
  ],
  ['AuthInfo.token', { user: { token: 1 } }, 'token', 'no text as token'],
  ['AuthInfo.token', { user: { token: 'a', username: 'b' } }, 'only one', 'a token and a password'],
  ['AuthInfo.tokenFile', { user: { tokenFile: 'none' } }, 'none', 'a tokenFile that cannot be'],
  ['AuthInfo.as-groups', { user: { 'as-groups': ['a'] } }, 'impersonating', 'as-groups'],
  [
    'AuthInfo.client-certificate',
    { user: { 'client-certificate': 'ca.pem' } },
    'client-key',
    'client-key',
  ],
  [
    'AuthProviderConfig.name',
    { user: { 'auth-provider': { name: 'gcp' } } },
    'gcp',
    "auth-provider 'gcp'",
  ],
  [
    'AuthInfo.exec AuthInfo.auth-provider',
    { user: { exec: plugin('t'), 'auth-provider': { name: 'oidc', config: {} } } },
    'combination',
    'an exec plug-in and an auth-provider',
  ],
  ['ExecConfig.command', { user: { exec: plugin('', { command: '' }) } }, 'command', 'a command'],
  [
    'ExecConfig.apiVersion',
    { user: { exec: plugin('', { apiVersion: `${v1}alpha1` }) } },
    'apiVersion',
    'apiVersion',
  ],
  [
    'ExecConfig.interactiveMode',
    { user: { exec: plugin('', { interactiveMode: undefined }) } },
    'interactiveMode',
    'interactiveMode',
  ],
  [
    'ExecConfig.interactiveMode',
    { user: { exec: plugin('', { interactiveMode: 'Always' }) } },
    'standard input',
    'no standard input',
  ],
  [
    'ExecConfig.installHint',
    { user: { exec: plugin('', { command: 'no-such', installHint: 'brew install it' }) } },
    'brew install it',
    'brew install it',
  ],
  ['ExecEnvVar.name', { user: { exec: plugin('', { env: [{ value: 'x' }] }) } }, 'env', 'env[0]'],
];

const missing =
  spawnSync('kubectl', ['version', '--client']).status === 0
    ? undefined
    : 'kubectl is not on the PATH: https://kubernetes.io/docs/tasks/tools';

it('every field of a kubeconfig is honoured or refused by name', () => {
  const fields = Object.entries(types).flatMap(([type, names]) => names.map((n) => `${type}.${n}`));
  const shown = new Set([...honoured, ...refused].flatMap(([names]) => names.split(' ')));
  shown.add('Cluster.proxy-url');
  expect([...shown].sort()).toEqual([...fields].sort());
});

describeWith('a kubeconfig, read by kubectl and by the adapter', missing, () => {
  let fake: FakeApiServer;
  let folder: string;

  beforeEach(async () => {
    fake = await FakeApiServer.start();
    folder = await mkdtemp(path.join(tmpdir(), 'movies-kubeconfig-'));
    await mkdir(path.join(folder, 'sub'));
    await writeFile(path.join(folder, 'ca.pem'), fake.ca);
    await writeFile(path.join(folder, 'token'), 'from-file\n');
    await writeFile(path.join(folder, 'sub/cert.pem'), own.cert);
    await writeFile(path.join(folder, 'sub/key.pem'), own.key);
    const { args } = plugin('beside-the-file') as { readonly args: readonly string[] };
    await writeFile(path.join(folder, 'sub/login'), `#!/bin/sh\n${args[1] ?? ''}`, { mode: 0o755 });
  });

  afterEach(async () => {
    await fake.stop();
    await rm(folder, { recursive: true });
  });

  async function write(
    { root, cluster, user = { token: 'a-token' }, context }: Parts,
    name = 'config',
  ) {
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u', ...context } }],
      clusters: [
        {
          name: 'k',
          cluster: {
            server: fake.url,
            'certificate-authority-data': base64(fake.ca),
            ...cluster,
          },
        },
      ],
      users: [{ name: 'u', user }],
      ...root,
    };
    const file = path.join(folder, name);
    await writeFile(file, JSON.stringify(config));
    return file;
  }

  type Environment = Readonly<Record<string, string>>;

  function environment(more: Environment): Environment {
    const { PATH = '' } = process.env;
    return { PATH, HOME: folder, KUBECONFIG: path.join(folder, 'config'), ...more };
  }

  async function kubectl(env: Environment): Promise<void> {
    const args = ['--cache-dir', path.join(folder, 'cache'), 'get', 'endpointslices', '-o', 'name'];
    const child = spawn('kubectl', args, {
      env: environment(env),
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 20_000,
    });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    await once(child, 'close');
    if (child.exitCode !== 0) throw new Error(errors);
  }

  async function ours(env: Environment): Promise<void> {
    const findAccess = kubeAccessSource({ env: environment(env) });
    const api = new KubeApi({ findAccess, clock: systemClock });
    const controller = new AbortController();
    using limited = new LimitedSignal(controller.signal, 20_000, systemClock);
    try {
      const chunks = await api.get(
        ({ namespace }) =>
          `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?limit=500`,
        limited,
      );
      for await (const chunk of chunks) expect(chunk.length).toBeGreaterThan(0);
    } finally {
      await api.close();
    }
  }

  /** What the server sees of each, in turn. */
  async function seen(env: Environment = {}): Promise<readonly Seen[]> {
    fake.calls.length = 0;
    await kubectl(env);
    await ours(env);
    return fake.calls.map(({ namespace = '', rawHeaders, servername, certificate }) => {
      const headers = rawHeaders.flatMap((name, i) =>
        i % 2 === 0 ? [[name.toLowerCase(), rawHeaders[i + 1] ?? ''] as const] : [],
      );
      return {
        namespace,
        authorization: headers.find(([name]) => name === 'authorization')?.[1],
        acting: headers
          .filter(([name]) => name.startsWith('impersonate-'))
          .map((header) => header.join(': '))
          .sort(),
        servername,
        certificate,
      };
    });
  }

  const nothing: Seen = {
    namespace: 'default',
    authorization: undefined,
    acting: [],
    servername: undefined,
    certificate: undefined,
  };

  it.each(honoured)('%s', async (_, parts, expected) => {
    await write({ ...parts, user: parts.user ?? { token: 'a-token' } });
    const withToken = parts.user === undefined ? { authorization: 'Bearer a-token' } : {};
    const whole = { ...nothing, ...withToken, ...expected };
    expect(await seen()).toEqual([whole, whole]);
  });

  it.each(refused)('%s is refused: %j', async (_, parts, byKubectl, byUs) => {
    await write(parts);
    await expect(kubectl({})).rejects.toThrow(byKubectl);
    await expect(ours({})).rejects.toMatchObject({
      reason: 'no_config',
      message: expect.stringContaining(byUs) as string,
    });
    expect(fake.calls).toEqual([]);
  });

  it('neither asks for compression where that is disabled', async () => {
    await write({ cluster: { 'disable-compression': true } });
    await seen();
    const compressed = fake.calls.map(({ rawHeaders }) =>
      rawHeaders.some((name) => name.toLowerCase() === 'accept-encoding'),
    );
    expect(compressed).toEqual([false, false]);
  });

  it.each([
    ['without TLS', 'http://'],
    ['without a scheme', ''],
  ])('a server %s gets no credentials but for whom the user acts', async (_, scheme) => {
    const plain = createServer((incoming, outgoing) => {
      const { method, url, headers } = incoming;
      const onward = request(
        { host: '127.0.0.1', port: fake.port, path: url, method, headers, ca: fake.ca },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
        },
      );
      onward.end();
    });
    plain.listen(0, '127.0.0.1');
    await once(plain, 'listening');
    try {
      const server = `${scheme}127.0.0.1:${(plain.address() as AddressInfo).port}`;
      await write({
        cluster: { server, 'certificate-authority-data': undefined },
        user: { token: 'secret', as: 'carl' },
      });
      const expected = { ...nothing, acting: ['impersonate-user: carl'] };
      expect(await seen()).toEqual([expected, expected]);
    } finally {
      plain.closeAllConnections();
      plain.close();
    }
  });

  it('several files are merged, those that are missing or empty are not minded', async () => {
    await write(
      { root: { users: undefined, clusters: [] }, context: { namespace: 'first' } },
      'one',
    );
    await write({ user: { tokenFile: '../token' }, context: { namespace: 'second' } }, 'sub/two');
    await writeFile(path.join(folder, 'empty'), '');
    const files = ['none', 'empty', 'one', 'sub/two'].map((name) => path.join(folder, name));
    const expected = { ...nothing, namespace: 'first', authorization: 'Bearer from-file' };
    expect(await seen({ KUBECONFIG: files.join(path.delimiter) })).toEqual([expected, expected]);
  });

  it('~/.kube/config is read where KUBECONFIG names nothing', async () => {
    await mkdir(path.join(folder, '.kube'));
    await write({ user: { token: 'at-home' } }, '.kube/config');
    const expected = { ...nothing, authorization: 'Bearer at-home' };
    expect(await seen({ KUBECONFIG: '' })).toEqual([expected, expected]);
  });

  // A name, since nothing goes to localhost through a proxy; the certificate is for another.
  const named = () => ({ server: `https://api.test:${fake.port}`, 'tls-server-name': 'localhost' });

  it.each(['http', 'https', 'socks5'] as const)(
    'proxy-url with %s is gone through',
    async (scheme) => {
      const proxy = await TunnelProxy.start(scheme);
      try {
        const authorities = base64(fake.ca + proxy.ca);
        await write({
          cluster: {
            ...named(),
            'certificate-authority-data': authorities,
            'proxy-url': proxy.url,
          },
        });
        const expected = {
          ...nothing,
          authorization: 'Bearer a-token',
          servername: 'localhost',
        };
        expect(await seen({ HTTPS_PROXY: 'http://127.0.0.1:9' })).toEqual([expected, expected]);
        expect(new Set(proxy.targets)).toEqual(new Set([`api.test:${fake.port}`]));
        expect(proxy.targets.length).toBeGreaterThan(1);
      } finally {
        await proxy.stop();
      }
    },
  );

  it.each<[string, (url: string) => Environment, boolean]>([
    ['HTTPS_PROXY', (url) => ({ HTTPS_PROXY: url }), true],
    ['https_proxy', (url) => ({ https_proxy: url }), true],
    ['HTTPS_PROXY without a scheme', (url) => ({ HTTPS_PROXY: url.slice('http://'.length) }), true],
    [
      'NO_PROXY for others',
      (url) => ({ HTTPS_PROXY: url, NO_PROXY: 'other.test,10.0.0.0/8' }),
      true,
    ],
    ['HTTP_PROXY', (url) => ({ HTTP_PROXY: url }), false],
    ['ALL_PROXY', (url) => ({ ALL_PROXY: url }), false],
    ['NO_PROXY', (url) => ({ HTTPS_PROXY: url, NO_PROXY: 'other, .test' }), false],
    [
      'no_proxy with a port',
      (url) => ({ HTTPS_PROXY: url, no_proxy: `api.test:${fake.port}` }),
      false,
    ],
    ['NO_PROXY for all', (url) => ({ HTTPS_PROXY: url, NO_PROXY: '*' }), false],
  ])('%s is minded', async (_, env, isProxied) => {
    const proxy = await TunnelProxy.start();
    try {
      await write({ cluster: named() });
      const asking = async (ask: typeof ours) => {
        const before = proxy.targets.length;
        // Only a proxy knows where that name is.
        const isReached = await ask(env(proxy.url)).then(
          () => true,
          () => false,
        );
        return [isReached, proxy.targets.length > before];
      };
      expect([await asking(kubectl), await asking(ours)]).toEqual([
        [isProxied, isProxied],
        [isProxied, isProxied],
      ]);
    } finally {
      await proxy.stop();
    }
  });

  it('a proxy is told user and password', async () => {
    const proxy = await TunnelProxy.start();
    try {
      await write({
        cluster: { ...named(), 'proxy-url': proxy.url.replace('://', '://ann:b@') },
      });
      await seen();
      expect(new Set(proxy.authorizations)).toEqual(new Set([basic]));
    } finally {
      await proxy.stop();
    }
  });
});
