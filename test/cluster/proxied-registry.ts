import { run } from './run';
import { KubernetesRegistry, type KubernetesRegistryOptions } from '@movies/discovery/kubernetes';
import { kubeAccessSource } from '../../packages/discovery/src/kubernetes/access/kube-access-source';
import { Kubeconfig, type KubeconfigChanges } from './kubeconfig';
import { TcpProxy } from './tcp-proxy';

/** A registry on the real API server, and the way between them, which a test can cut. */
export class ProxiedRegistry {
  readonly registry: KubernetesRegistry;
  readonly proxy: TcpProxy;
  readonly #kubeconfig: Kubeconfig;

  private constructor(registry: KubernetesRegistry, proxy: TcpProxy, kubeconfig: Kubeconfig) {
    this.registry = registry;
    this.proxy = proxy;
    this.#kubeconfig = kubeconfig;
  }

  static async open(
    options: KubernetesRegistryOptions,
    changes: KubeconfigChanges = {},
  ): Promise<ProxiedRegistry> {
    const proxy = await TcpProxy.before(await apiServerUrl());
    const kubeconfig = await Kubeconfig.create({ ...changes, server: proxy.url });
    const findAccess = kubeAccessSource({ env: { KUBECONFIG: kubeconfig.file } });
    // The first time jest compiles what reads it, which takes longer than a first sync may.
    await findAccess();
    const registry = new KubernetesRegistry({ ...options, findAccess });
    return new ProxiedRegistry(registry, proxy, kubeconfig);
  }

  async close(): Promise<void> {
    await this.registry.close();
    await this.proxy.cut();
    await this.#kubeconfig.remove();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** As the kubeconfig's current context has it. */
export async function apiServerUrl(): Promise<string> {
  const path = 'jsonpath={.clusters[0].cluster.server}';
  return run('kubectl', ['config', 'view', '--minify', `--output=${path}`]);
}
