import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { LimitedSignal } from '@movies/time';
import { ManualClock } from '@movies/time/testing';
import { FakeApiServer } from '../../testing/fake-api-server';
import { KubeApi } from '../api-server/kube-api';
import { kubeAccessSource } from './kube-access-source';
import type { KubeAccess } from './kube-access';

const v1 = 'client.authentication.k8s.io/v1';
let folder: string;
let clock: ManualClock;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'exec-'));
  clock = new ManualClock();
});

afterEach(() => rm(folder, { recursive: true }));

/** A plug-in that notes what it is given and prints what the test has written. */
async function plugin(answer: unknown, exec: Readonly<Record<string, unknown>> = {}) {
  await answerWith(answer);
  const script = path.join(folder, 'plugin.js');
  await writeFile(
    script,
    `const fs = require('node:fs');
    fs.appendFileSync(${JSON.stringify(path.join(folder, 'runs'))}, JSON.stringify({
      args: process.argv.slice(2), env: process.env, stdin: fs.readFileSync(0, 'utf8'),
    }) + '\\n');
    eval(fs.readFileSync(${JSON.stringify(path.join(folder, 'answer'))}, 'utf8'));`,
  );
  return {
    apiVersion: v1,
    interactiveMode: 'Never',
    command: process.execPath,
    args: [script],
    ...exec,
  };
}

function answerWith(answer: unknown): Promise<void> {
  const code =
    typeof answer === 'string' ? answer : `console.log(${JSON.stringify(JSON.stringify(answer))})`;
  return writeFile(path.join(folder, 'answer'), code);
}

const credential = (status: unknown) => ({ apiVersion: v1, kind: 'ExecCredential', status });

interface Run {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
}

async function runs(): Promise<readonly Run[]> {
  const text = await readFile(path.join(folder, 'runs'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Run);
}

async function writeConfig(exec: unknown, cluster: object = {}): Promise<string> {
  const file = path.join(folder, 'config');
  const config = {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    clusters: [{ name: 'k', cluster: { server: 'https://api.test:6443', ...cluster } }],
    users: [{ name: 'u', user: { exec } }],
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

async function accessWith(exec: unknown, cluster?: object): Promise<KubeAccess> {
  const KUBECONFIG = await writeConfig(exec, cluster);
  return kubeAccessSource({
    clock,
    env: { KUBECONFIG, PATH: process.env['PATH'], HOME: folder },
  })();
}

async function ask(api: KubeApi): Promise<void> {
  const { signal } = new AbortController();
  using limited = new LimitedSignal(signal, 60_000, clock);
  const path = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
  for await (const chunk of await api.get(() => path, limited)) {
    expect(chunk.length).toBeGreaterThan(0);
  }
}

async function authorization(access: KubeAccess): Promise<string | undefined> {
  return (await access.credentials()).headers['authorization'];
}

describe('an exec plug-in', () => {
  it('gives a token', async () => {
    const access = await accessWith(await plugin(credential({ token: 'a-token' })));
    expect(await access.credentials()).toMatchObject({
      headers: { authorization: 'Bearer a-token' },
    });
  });

  it('gives a certificate', async () => {
    const status = { clientCertificateData: 'the certificate', clientKeyData: 'the key' };
    const access = await accessWith(await plugin(credential(status)));
    expect(await access.credentials()).toMatchObject({
      headers: {},
      tls: { cert: 'the certificate', key: 'the key' },
    });
  });

  it('gets its arguments, its variables beside those of the program, and no input', async () => {
    const exec = await plugin(credential({ token: 'a-token' }));
    const access = await accessWith({
      ...exec,
      args: [...exec.args, '--cluster', 'home'],
      env: [{ name: 'PROFILE', value: 'work' }, { name: 'EMPTY' }],
    });
    await access.credentials();
    const [run] = await runs();
    expect(run?.args).toEqual(['--cluster', 'home']);
    expect(run?.env).toMatchObject({ PROFILE: 'work', EMPTY: '', HOME: folder });
    expect(run?.stdin).toBe('');
    expect(JSON.parse(run?.env['KUBERNETES_EXEC_INFO'] ?? '')).toEqual({
      apiVersion: v1,
      kind: 'ExecCredential',
      spec: { interactive: false },
    });
  });

  it('is told of the cluster where it asks for that', async () => {
    const exec = await plugin(credential({ token: 'a-token' }), { provideClusterInfo: true });
    const pem = '-----BEGIN CERTIFICATE-----';
    await writeFile(path.join(folder, 'ca.pem'), pem);
    const access = await accessWith(exec, {
      'certificate-authority': 'ca.pem',
      'tls-server-name': 'kube.test',
      'proxy-url': 'http://proxy.test:3128',
      'disable-compression': true,
      extensions: [
        { name: 'another', extension: 'x' },
        { name: 'client.authentication.k8s.io/exec', extension: { audience: 'home' } },
      ],
    });
    await access.credentials();
    const [run] = await runs();
    expect(JSON.parse(run?.env['KUBERNETES_EXEC_INFO'] ?? '')).toMatchObject({
      spec: {
        cluster: {
          server: 'https://api.test:6443',
          'certificate-authority-data': Buffer.from(pem).toString('base64'),
          'tls-server-name': 'kube.test',
          'proxy-url': 'http://proxy.test:3128',
          'disable-compression': true,
          config: { audience: 'home' },
        },
      },
    });
  });

  it('is looked for beside the kubeconfig if its command names a folder', async () => {
    const exec = await plugin(credential({ token: 'a-token' }));
    await writeFile(
      path.join(folder, 'login'),
      `#!/bin/sh\nexec '${process.execPath}' '${exec.args[0] ?? ''}'`,
      { mode: 0o755 },
    );
    const access = await accessWith({ ...exec, command: './login', args: null });
    expect(await authorization(access)).toBe('Bearer a-token');
  });

  it('may be of v1beta1, whose interactiveMode may be left out', async () => {
    const apiVersion = 'client.authentication.k8s.io/v1beta1';
    const answer = { ...credential({ token: 'a-token' }), apiVersion };
    const exec = await plugin(answer, { apiVersion, interactiveMode: undefined });
    expect(await authorization(await accessWith(exec))).toBe('Bearer a-token');
  });
});

describe('an exec plug-in runs again', () => {
  it('not as long as its credential is good', async () => {
    const access = await accessWith(await plugin(credential({ token: 'a-token' })));
    for (let i = 0; i < 3; i += 1) await access.credentials();
    await Promise.all([access.credentials(), access.credentials()]);
    await clock.advance(86_400_000);
    await access.credentials();
    expect(await runs()).toHaveLength(1);
  });

  it('once for all that ask for the first at the same time', async () => {
    const access = await accessWith(await plugin(credential({ token: 'a-token' })));
    await Promise.all([access.credentials(), access.credentials(), access.credentials()]);
    expect(await runs()).toHaveLength(1);
  });

  it('when it is expired', async () => {
    const expiring = (token: string, ms: number) =>
      credential({ token, expirationTimestamp: new Date(clock.now() + ms).toISOString() });
    const access = await accessWith(await plugin(expiring('first', 60_000)));
    await access.credentials();
    await answerWith(expiring('second', 120_000));
    await clock.advance(59_000);
    expect(await authorization(access)).toBe('Bearer first');
    await clock.advance(2000);
    expect(await authorization(access)).toBe('Bearer second');
    expect(await runs()).toHaveLength(2);
  });

  it('when its credential was refused, once for all that were', async () => {
    const access = await accessWith(await plugin(credential({ token: 'first' })));
    const refused = await access.credentials();
    await answerWith(credential({ token: 'second' }));
    const asked = [1, 2, 3].map(() => access.credentials({ refused }));
    for (const { headers } of await Promise.all(asked)) {
      expect(headers['authorization']).toBe('Bearer second');
    }
    expect((await access.credentials({ refused })).headers['authorization']).toBe('Bearer second');
    expect(await runs()).toHaveLength(2);
  });

  it('at most each ten seconds while the same is refused', async () => {
    const access = await accessWith(await plugin(credential({ token: 'revoked' })));
    const refused = await access.credentials();
    for (let i = 0; i < 5; i += 1) await access.credentials({ refused });
    expect(await runs()).toHaveLength(2);
    await clock.advance(10_000);
    for (let i = 0; i < 5; i += 1) await access.credentials({ refused });
    expect(await runs()).toHaveLength(3);
  });

  it('at most each ten seconds while each new one is refused, too', async () => {
    const next = 'console.log(JSON.stringify({ apiVersion: "' + v1 + '", kind: "ExecCredential", ';
    const access = await accessWith(
      await plugin(`${next} status: { token: String(process.pid) } }))`),
    );
    let refused = await access.credentials();
    for (let i = 0; i < 5; i += 1) refused = await access.credentials({ refused });
    expect(await runs()).toHaveLength(2);
    clock.stall(10_000);
    for (let i = 0; i < 5; i += 1) refused = await access.credentials({ refused });
    expect(await runs()).toHaveLength(3);
  });

  it('at most each ten seconds while it fails', async () => {
    const access = await accessWith(await plugin('throw new Error("log in first")'));
    for (let i = 0; i < 5; i += 1) {
      await expect(access.credentials()).rejects.toThrow('log in first');
    }
    expect(await runs()).toHaveLength(1);
    await answerWith(credential({ token: 'a-token' }));
    await clock.advance(10_000);
    expect(await authorization(access)).toBe('Bearer a-token');
  });

  it('not because the API server cannot be reached', async () => {
    const exec = await plugin(credential({ token: 'a-token' }));
    const KUBECONFIG = await writeConfig(exec, { server: 'https://127.0.0.1:9' });
    const api = new KubeApi({
      findAccess: kubeAccessSource({ clock, env: { KUBECONFIG } }),
      clock,
    });
    for (let i = 0; i < 20; i += 1) await expect(ask(api)).rejects.toThrow('cannot be reached');
    expect(await runs()).toHaveLength(1);
    await api.close();
  });

  it('when the API server answers 401, and the request goes on with what it gives', async () => {
    const fake = await FakeApiServer.start();
    fake.tokens = new Set(['second']);
    const exec = await plugin(credential({ token: 'first' }));
    const KUBECONFIG = await writeConfig(exec, {
      server: fake.url,
      'certificate-authority-data': Buffer.from(fake.ca).toString('base64'),
    });
    const api = new KubeApi({
      findAccess: kubeAccessSource({ clock, env: { KUBECONFIG } }),
      clock,
    });
    try {
      await expect(ask(api)).rejects.toMatchObject({ reason: 'http_401' });
      expect(await runs()).toHaveLength(2);
      await answerWith(credential({ token: 'second' }));
      await clock.advance(10_000);
      await ask(api);
      await ask(api);
      expect(await runs()).toHaveLength(3);
      expect(fake.calls.map(({ token }) => token)).toEqual([
        ...['first', 'first', 'first', 'second', 'second'],
      ]);
    } finally {
      await api.close();
      await fake.stop();
    }
  });

  it('no more once the client is closed, which ends the one that runs', async () => {
    const exec = await plugin('setInterval(() => undefined, 1000)');
    const KUBECONFIG = await writeConfig(exec);
    const api = new KubeApi({
      findAccess: kubeAccessSource({ clock, env: { KUBECONFIG } }),
      clock,
    });
    const outcome = expect(ask(api)).rejects.toThrow();
    while ((await runs()).length === 0) await new Promise((resolve) => setImmediate(resolve));
    await api.close();
    await outcome;
    expect(clock.pending).toBe(0);
  });

  it('when the kubeconfig changes', async () => {
    const exec = await plugin(credential({ token: 'a-token' }));
    const source = kubeAccessSource({ clock, env: { KUBECONFIG: await writeConfig(exec) } });
    const first = await source();
    await first.credentials();
    expect(await source()).toBe(first);
    await writeConfig({ ...exec, env: [{ name: 'PROFILE', value: 'changed' }] });
    await (await source()).credentials();
    expect((await runs()).map(({ env }) => env['PROFILE'])).toEqual([undefined, 'changed']);
  });
});

describe('an exec plug-in is stopped', () => {
  it('after a minute', async () => {
    const access = await accessWith(await plugin('setInterval(() => undefined, 1000)'));
    const outcome = expect(access.credentials()).rejects.toThrow('does not end within 60 s');
    while ((await runs()).length === 0) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(60_000);
    await outcome;
    expect(clock.pending).toBe(0);
  });

  it('with what asked for it', async () => {
    const access = await accessWith(await plugin('setInterval(() => undefined, 1000)'));
    const controller = new AbortController();
    const outcome = expect(access.credentials({ signal: controller.signal })).rejects.toThrow();
    while ((await runs()).length === 0) await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    await outcome;
    expect(clock.pending).toBe(0);
  });
});

describe('an exec plug-in is refused by name', () => {
  it.each<[string, object, string]>([
    ['without a command', { command: '' }, 'has an exec plug-in without a command'],
    ['without an apiVersion', { apiVersion: undefined }, "exec has the apiVersion ''"],
    [
      'of v1alpha1',
      { apiVersion: 'client.authentication.k8s.io/v1alpha1' },
      `it must be ${v1} or ${v1}beta1`,
    ],
    ['that needs input', { interactiveMode: 'Always' }, 'has the interactiveMode Always'],
    ['that says nothing of input', { interactiveMode: '' }, "has the interactiveMode ''"],
    ['with a variable without a name', { env: [{ value: 'x' }] }, 'exec: env[0] has no name'],
    [
      'with arguments that are no text',
      { args: [1] },
      'exec has no text as args: put it in quotes',
    ],
    ['with args that are no list', { args: 'x' }, 'exec has no list as args'],
    [
      'with a flag that is none',
      { provideClusterInfo: 'x' },
      'exec has neither true nor false as provideClusterInfo',
    ],
  ])('%s', async (_, fault, message) => {
    const exec = await plugin(credential({ token: 'a-token' }), { ...fault });
    await expect(accessWith(exec)).rejects.toMatchObject({
      reason: 'no_config',
      message: expect.stringContaining(message) as string,
    });
    expect(await runs()).toEqual([]);
  });

  it.each<[string, unknown, string]>([
    ['that fails', 'console.error("expired session"); process.exit(3)', 'failed: expired session'],
    ['that prints no JSON', 'console.log("hello")', 'that prints no JSON'],
    ['that prints nothing', '', 'that prints no JSON'],
    ['that prints null', null, 'prints a undefined of undefined'],
    ['of another version', { ...credential({ token: 't' }), apiVersion: `${v1}beta1` }, 'not an'],
    ['of another kind', { ...credential({ token: 't' }), kind: 'Pod' }, 'prints a Pod'],
    ['without a status', credential(undefined), 'prints neither a token nor a certificate'],
    ['with an empty token', credential({ token: '' }), 'prints neither a token nor a certificate'],
    [
      'with a token that no header can have',
      credential({ token: 'a\r\nb' }),
      'prints a token that holds a line break or control character, which no header can have$',
    ],
    [
      'without the key',
      credential({ clientCertificateData: 'x' }),
      'only one of certificate and key',
    ],
    [
      'with an expiry that is no time',
      credential({ token: 't', expirationTimestamp: 'soon' }),
      "the expirationTimestamp 'soon', which is no time",
    ],
  ])('%s', async (_, answer, message) => {
    const access = await accessWith(await plugin(answer));
    await expect(access.credentials()).rejects.toMatchObject({
      kind: 'unreachable',
      reason: 'no_config',
      message: expect.stringMatching(
        new RegExp(
          `^the kubeconfig ${folder}/config cannot be used: the user 'u' .*${message}`,
          's',
        ),
      ) as string,
    });
  });

  it('that fails shows neither its arguments nor what it printed', async () => {
    const exec = await plugin('console.log("S3CRET"); process.exit(3)');
    const access = await accessWith({ ...exec, args: [...exec.args, '--client-secret=S3CRET'] });
    const failure: unknown = await access.credentials().catch((error: unknown) => error);
    expect(failure).toMatchObject({
      message: expect.stringMatching(/failed: it ended with 3$/) as string,
    });
    expect(inspect(failure, { depth: 9 })).not.toContain('S3CRET');
  });

  it('that is not installed, with its hint', async () => {
    const exec = await plugin('', {
      command: 'no-such-plug-in',
      installHint: 'brew \x1b[31minstall it',
    });
    await expect((await accessWith(exec)).credentials()).rejects.toThrow(
      "the user 'u' has an exec plug-in 'no-such-plug-in' that is not installed: brew install it",
    );
  });
});
