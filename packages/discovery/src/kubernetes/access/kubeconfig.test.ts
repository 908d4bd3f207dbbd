import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findKubeAccess } from './find-kube-access';
import type { KubeAccess } from './kube-access';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'kubeconfig-'));
});

afterEach(() => rm(folder, { recursive: true }));

interface Parts {
  readonly name?: string;
  readonly cluster?: Readonly<Record<string, unknown>>;
  readonly user?: Readonly<Record<string, unknown>>;
  readonly namespace?: string;
  readonly current?: string;
}

/** JSON is YAML too. */
function kubeconfig({ name = 'home', cluster, user = {}, namespace, current = name }: Parts) {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: 'https://10.0.0.1:6443', ...cluster } }],
    users: [
      { name, user },
      { name: `${name}-staging`, user: { token: 'of-staging' } },
    ],
    contexts: [
      { name, context: { cluster: name, user: name, ...(namespace && { namespace }) } },
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

async function accessWith(parts: Parts, context?: string): Promise<KubeAccess> {
  return findKubeAccess({ context, env: { KUBECONFIG: await write(kubeconfig(parts)) } });
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

  it('is looked for at ~/.kube/config', async () => {
    await expect(findKubeAccess({ env: { HOME: folder } })).rejects.toMatchObject({
      reason: 'no_config',
    });
  });

  it('may be several files, of which the first that names a context decides', async () => {
    const first = await write(kubeconfig({ name: 'one', current: '' }), 'one');
    const second = await write(kubeconfig({ name: 'two', namespace: 'second' }), 'two');
    const third = await write(kubeconfig({ name: 'three' }), 'three');
    const env = { KUBECONFIG: [first, second, third].join(path.delimiter) };
    expect((await findKubeAccess({ env })).namespace).toBe('second');
    expect((await findKubeAccess({ env, context: 'one-staging' })).namespace).toBe('staging');
  });
});

it('a kubeconfig may name the same in several files, of which the first counts', async () => {
  const first = await write(kubeconfig({ user: { token: 'first' } }), 'one');
  const second = await write(kubeconfig({ user: { token: 'second' } }), 'two');
  const env = { KUBECONFIG: [first, second].join(path.delimiter) };
  const { headers } = await (await findKubeAccess({ env })).credentials();
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

  it('are what an exec plug-in says', async () => {
    const says = JSON.stringify({ kind: 'ExecCredential', status: { token: 'from-a-plug-in' } });
    const exec = {
      command: process.execPath,
      args: ['-e', `console.log(${JSON.stringify(says)})`],
    };
    expect(await headersWith({ exec })).toEqual({ authorization: 'Bearer from-a-plug-in' });
  });

  it('are refused with what a plug-in complains of', async () => {
    const exec = { command: process.execPath, args: ['-e', 'throw new Error("log in first")'] };
    const access = await accessWith({ user: { exec } });
    expect(await refusal(access.credentials())).toMatch(
      /its credentials cannot be had.*log in first/s,
    );
  });

  it('are certificates, the name to check and whether to check at all', async () => {
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const access = await accessWith({
      cluster: {
        'certificate-authority-data': base64('ca'),
        'tls-server-name': 'kube.test',
        'insecure-skip-tls-verify': true,
      },
      user: { 'client-certificate-data': base64('cert'), 'client-key-data': base64('key') },
    });
    expect((await access.credentials()).tls).toEqual({
      ca: Buffer.from('ca'),
      cert: Buffer.from('cert'),
      key: Buffer.from('key'),
      servername: 'kube.test',
      rejectUnauthorized: false,
    });
  });

  it('are read from files beside it, again each time', async () => {
    await write('first', 'ca.pem');
    const access = await accessWith({ cluster: { 'certificate-authority': 'ca.pem' } });
    const ca = async () => String((await access.credentials()).tls.ca);
    expect(await ca()).toBe('first');
    await write('second', 'ca.pem');
    expect(await ca()).toBe('second');
  });
});

describe('what cannot be used is refused', () => {
  it('no configuration at all, and localhost:8080 is not tried', async () => {
    expect(await refusal(findKubeAccess({ env: { HOME: folder } }))).toBe(
      'no cluster configuration was found: set KUBECONFIG, or put a kubeconfig at ~/.kube/config; ' +
        'a pod needs the token of a service account',
    );
  });

  it('a context, where there is no kubeconfig that could have it', async () => {
    expect(await refusal(findKubeAccess({ context: 'home', env: { HOME: folder } }))).toMatch(
      /^there is no kubeconfig that could have the context 'home': set KUBECONFIG/,
    );
  });

  it('a file that is not there', async () => {
    const env = { KUBECONFIG: path.join(folder, 'none') };
    expect(await refusal(findKubeAccess({ env }))).toBe(
      'the kubeconfig /none cannot be used: there is no such file',
    );
  });

  it('a file that is no YAML', async () => {
    const env = { KUBECONFIG: await write('clusters: [') };
    expect(await refusal(findKubeAccess({ env }))).toMatch(
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
      "its current-context does not exist; there are 'home', 'home-staging'",
    ],
    [
      'a server without TLS',
      { cluster: { server: 'http://localhost:8080' } },
      undefined,
      "the server of 'home' is not an https:// URL",
    ],
    [
      'a server that is no URL',
      { cluster: { server: 'localhost' } },
      undefined,
      "the server of 'home' is not an https:// URL",
    ],
    [
      'a proxy',
      { cluster: { 'proxy-url': 'socks5://localhost:1080' } },
      undefined,
      "the cluster 'home' has a proxy-url, which is not supported",
    ],
  ])('%s', async (_, parts, context, reason) => {
    expect(await refusal(accessWith(parts, context))).toBe(
      `the kubeconfig /config cannot be used: ${reason}`,
    );
  });
});
