import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import { ManualClock, until } from '@movies/time/testing';
import { FakeApiServer } from '../../testing/fake-api-server';
import { sliceOf } from '../../testing/slices';
import { KubernetesRegistry } from '../kubernetes-registry';
import { kubeAccessSource } from './kube-access-source';
import type { KubeAccess } from './kube-access';
import { kubeConfigSource, type KubeConfigLike } from './kube-config-object';

function kubeConfigFor(cluster: object, user: object = {}, namespace?: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server: 'https://10.0.0.1:6443', ...cluster }],
    users: [{ name: 'u', ...user }],
    contexts: [
      { name: 'x', cluster: 'c', user: 'u', namespace },
      { name: 'other', cluster: 'c', user: 'u', namespace: 'other' },
    ],
    currentContext: 'x',
  });
  return config;
}

function accessOf(kubeConfig: KubeConfigLike, env = {}, clock = new ManualClock()): KubeAccess {
  return kubeConfigSource(kubeConfig, { env, clock })();
}

/** A KubeConfig whose credentials come, or not, as a test says. */
function kubeConfigThat(apply: (options: object) => Promise<void>): KubeConfigLike {
  return {
    getCurrentContext: () => 'x',
    getContextObject: () => null,
    getCurrentCluster: () => ({ server: 'https://10.0.0.1' }),
    applyToHTTPSOptions: apply,
  };
}

describe('a KubeConfig of client-node', () => {
  it('is taken by the registry', async () => {
    const fake = await FakeApiServer.start();
    fake.tokens = new Set(['secret']);
    fake.put(sliceOf('rating', ['10.0.0.1'], { namespace: 'movies' }));
    const caData = Buffer.from(fake.ca).toString('base64');
    const kubeConfig = kubeConfigFor({ server: fake.url, caData }, { token: 'secret' }, 'movies');
    const registry = new KubernetesRegistry({ kubeConfig });
    try {
      expect((await registry.discover('rating')).map(({ host }) => host)).toEqual(['10.0.0.1']);
    } finally {
      await registry.close();
      await fake.stop();
    }
  });

  it('gives server, namespace, headers and TLS of its current context', async () => {
    const kubeConfig = kubeConfigFor(
      { server: 'https://rancher.test/k8s/', tlsServerName: 'kube.test', skipTLSVerify: true },
      { username: 'ann', password: 'b', impersonateUser: 'carl' },
    );
    const access = accessOf(kubeConfig);
    expect([access.server, access.namespace]).toEqual(['https://rancher.test/k8s', 'default']);
    expect(await access.credentials()).toEqual({
      headers: { authorization: 'Basic YW5uOmI=', 'impersonate-user': 'carl' },
      tls: { servername: 'kube.test', rejectUnauthorized: false },
    });
  });

  it('gives what it is now, after another context was chosen', async () => {
    const kubeConfig = kubeConfigFor({}, {}, 'first');
    const source = kubeAccessSource({ kubeConfig });
    expect((await source()).namespace).toBe('first');
    kubeConfig.setCurrentContext('other');
    expect((await source()).namespace).toBe('other');
  });

  it('gives its proxy, else that of the environment', () => {
    const env = { HTTPS_PROXY: 'http://env.test' };
    const proxyUrl = 'http://proxy.test';
    expect(accessOf(kubeConfigFor({ proxyUrl }), env).proxy).toBe(proxyUrl);
    expect(accessOf(kubeConfigFor({}), env).proxy).toBe('http://env.test');
  });

  it('may name a server without TLS, which gets no credentials', async () => {
    const kubeConfig = kubeConfigFor({ server: 'http://127.0.0.1:8001' }, { token: 'secret' });
    expect(await accessOf(kubeConfig).credentials()).toEqual({ headers: {}, tls: {} });
  });

  it('is refused by name if it has no cluster, a server that is none or a bad proxy', () => {
    expect(() => accessOf(new KubeConfig())).toThrow('has no cluster');
    expect(() => accessOf(kubeConfigFor({ server: 'x' }))).toThrow(
      "the server of the KubeConfig is 'x': expected https:// or http://, host and port",
    );
    expect(() => accessOf(kubeConfigFor({ server: 'https://ann:b@x' }))).toThrow(
      'the server of the KubeConfig is one with a user or password: expected',
    );
    expect(() => accessOf(kubeConfigFor({ proxyUrl: 'x' }))).toThrow(
      'the proxyUrl of the KubeConfig is not the URL of a proxy',
    );
  });

  it('says why it gives no credentials', async () => {
    const kubeConfig = kubeConfigThat(() => Promise.reject(new Error('log in first')));
    await expect(accessOf(kubeConfig).credentials()).rejects.toMatchObject({
      reason: 'no_config',
      message: 'the KubeConfig gives no credentials: log in first',
    });
  });
});

describe('the exec plug-in of a KubeConfig', () => {
  const v1 = 'client.authentication.k8s.io/v1';
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'kube-config-object-'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  /** A plug-in that prints a file, and how often it ran. */
  function plugin() {
    const [runs, answer] = ['runs', 'answer'].map((name) => path.join(folder, name)) as [
      string,
      string,
    ];
    const command = `echo >> '${runs}'; cat '${answer}'`;
    return {
      user: { exec: { apiVersion: v1, command: 'sh', args: ['-c', command] } },
      answer: (text: string) => writeFile(answer, text),
      runs: async () => (await readFile(runs, 'utf8')).length,
    };
  }

  const credential = (token: string) =>
    JSON.stringify({ apiVersion: v1, kind: 'ExecCredential', status: { token } });

  it('runs again when the API server refuses its token, and at most each ten seconds', async () => {
    const { user, answer, runs } = plugin();
    const clock = new ManualClock();
    const access = accessOf(kubeConfigFor({}, user), {}, clock);
    await answer(credential('first'));
    const refused = await access.credentials();
    await answer(credential('second'));
    const authorization = async () =>
      (await access.credentials({ refused })).headers['authorization'];
    expect([await authorization(), await authorization()]).toEqual([
      'Bearer second',
      'Bearer second',
    ]);
    expect(await runs()).toBe(2);
    await answer(credential('third'));
    await clock.advance(10_000);
    expect(await authorization()).toBe('Bearer third');
    expect((await access.credentials()).headers['authorization']).toBe('Bearer third');
    expect(await runs()).toBe(3);
  });

  it('runs at most each ten seconds while it fails', async () => {
    const { user, runs } = plugin();
    const clock = new ManualClock();
    const source = kubeConfigSource(kubeConfigFor({}, user), { env: {}, clock });
    for (let i = 0; i < 5; i += 1) {
      await expect(source().credentials()).rejects.toMatchObject({
        reason: 'no_config',
        message: expect.stringContaining('No such file') as string,
      });
    }
    expect(await runs()).toBe(1);
    await clock.advance(10_000);
    await expect(source().credentials()).rejects.toThrow('No such file');
    expect(await runs()).toBe(2);
  });

  it('shows nothing that it prints', async () => {
    const { user, answer } = plugin();
    await answer('S3CRET');
    const failure: unknown = await accessOf(kubeConfigFor({}, user))
      .credentials()
      .catch((error: unknown) => error);
    expect(inspect(failure, { depth: 9 })).toContain('a plug-in prints no JSON');
    expect(inspect(failure, { depth: 9 })).not.toContain('S3CRET');
  });

  it('has a minute, and is not started beside one that hangs', async () => {
    const clock = new ManualClock();
    let runs = 0;
    let end: () => void = () => undefined;
    const kubeConfig = kubeConfigThat((options) => {
      runs += 1;
      Object.assign(options, { headers: { Authorization: `Bearer ${runs}` } });
      return new Promise((resolve) => (end = resolve));
    });
    const access = accessOf(kubeConfig, {}, clock);
    for (let i = 0; i < 3; i += 1) {
      const outcome = expect(access.credentials()).rejects.toMatchObject({
        reason: 'no_config',
        message: expect.stringContaining('gives no credentials within 60 s') as string,
      });
      await until(() => clock.pending === 1);
      await clock.advance(60_000);
      await outcome;
      await clock.advance(10_000);
    }
    expect(runs).toBe(1);
    const asked = access.credentials();
    end();
    expect((await asked).headers).toEqual({ authorization: 'Bearer 1' });
  });
});

it('a value that no header can have is refused, and not told', async () => {
  const kubeConfig = kubeConfigFor({}, { token: 'S3CRET\r\nx: y' });
  await expect(accessOf(kubeConfig).credentials()).rejects.toMatchObject({
    reason: 'no_config',
    message:
      'the KubeConfig gives a value for the header authorization that holds a line break or control character, ' +
      'which no header can have',
  });
});

it('an access is taken by the registry as it is', async () => {
  const fake = await FakeApiServer.start();
  fake.put(sliceOf('rating', ['10.0.0.1']));
  const registry = new KubernetesRegistry({
    access: {
      server: fake.url,
      namespace: 'default',
      credentials: async () => ({ headers: {}, tls: { ca: fake.ca } }),
    },
  });
  try {
    expect((await registry.discover('rating')).map(({ host }) => host)).toEqual(['10.0.0.1']);
  } finally {
    await registry.close();
    await fake.stop();
  }
});
