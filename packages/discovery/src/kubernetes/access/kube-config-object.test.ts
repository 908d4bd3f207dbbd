import { KubeConfig } from '@kubernetes/client-node';
import { FakeApiServer } from '../../testing/fake-api-server';
import { sliceOf } from '../../testing/slices';
import { KubernetesRegistry } from '../kubernetes-registry';
import { kubeAccessSource } from './find-kube-access';
import { kubeConfigAccess, type KubeConfigLike } from './kube-config-object';

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
    const access = kubeConfigAccess(kubeConfig, {});
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
    expect(kubeConfigAccess(kubeConfigFor({ proxyUrl }), env).proxy).toBe(proxyUrl);
    expect(kubeConfigAccess(kubeConfigFor({}), env).proxy).toBe('http://env.test');
  });

  it('may name a server without TLS, which gets no credentials', async () => {
    const kubeConfig = kubeConfigFor({ server: 'http://127.0.0.1:8001' }, { token: 'secret' });
    expect(await kubeConfigAccess(kubeConfig, {}).credentials()).toEqual({ headers: {}, tls: {} });
  });

  it('is refused by name if it has no cluster, a server that is none or a bad proxy', () => {
    expect(() => kubeConfigAccess(new KubeConfig(), {})).toThrow('has no cluster');
    expect(() => kubeConfigAccess(kubeConfigFor({ server: 'x' }), {})).toThrow(
      "the KubeConfig has the server 'x', which is no http or https URL",
    );
    expect(() => kubeConfigAccess(kubeConfigFor({ proxyUrl: 'x' }), {})).toThrow(
      'the proxyUrl of the KubeConfig is not the URL of a proxy',
    );
  });

  it('says why it gives no credentials', async () => {
    const kubeConfig: KubeConfigLike = {
      getCurrentContext: () => 'x',
      getContextObject: () => null,
      getCurrentCluster: () => ({ server: 'https://10.0.0.1' }),
      applyToHTTPSOptions: () => Promise.reject(new Error('log in first')),
    };
    await expect(kubeConfigAccess(kubeConfig, {}).credentials()).rejects.toMatchObject({
      reason: 'no_config',
      message: 'the KubeConfig gives no credentials: log in first',
    });
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
