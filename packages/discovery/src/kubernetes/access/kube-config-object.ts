import type { KubeAccess, KubeCredentials, KubeTls } from './kube-access';
import { noConfig } from './no-config';
import { checkProxy, proxyFromEnv } from './proxy-from-env';
import { serverUrl } from './server-url';
import { withAuthorities } from './system-authorities';

/**
 * What is used of the `KubeConfig` of `@kubernetes/client-node`; its versions from 0.20 on have it. It is described
 * here, so that none of them need be installed.
 */
export interface KubeConfigLike {
  getCurrentContext(): string;
  getContextObject(name: string): { readonly namespace?: string | undefined } | null;
  getCurrentCluster(): {
    readonly server: string;
    readonly proxyUrl?: string | undefined;
    readonly skipTLSVerify?: boolean | undefined;
  } | null;
  applyToHTTPSOptions(options: object): Promise<void>;
}

/**
 * The access of a `KubeConfig`, as it is now: for its current context, with all its ways to authenticate. Throws a
 * `SourceFailure` if it has no current cluster, or one that cannot be used.
 */
export function kubeConfigAccess(
  kubeConfig: KubeConfigLike,
  env: Readonly<Record<string, string | undefined>> = process.env,
): KubeAccess {
  const context = kubeConfig.getCurrentContext();
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null) {
    throw noConfig(
      `the KubeConfig has no cluster for its current context '${context}': load one, or call setCurrentContext`,
    );
  }
  const server = serverUrl(cluster.server);
  if (server === undefined) {
    throw noConfig(
      `the KubeConfig has the server '${cluster.server}', which is no http or https URL`,
    );
  }
  const { proxyUrl } = cluster;
  const namespace = kubeConfig.getContextObject(context)?.namespace?.trim();
  // The KubeConfig refuses to speak HTTP, and kubectl sends no credentials that way.
  const isRefused = server.startsWith('http:') && cluster.skipTLSVerify !== true;
  return {
    server,
    namespace: namespace === undefined || namespace === '' ? 'default' : namespace,
    proxy: proxyUrl
      ? checkProxy(proxyUrl, (reason) => noConfig(`the proxyUrl of the KubeConfig ${reason}`))
      : proxyFromEnv(server, env),
    credentials: async () => (isRefused ? { headers: {}, tls: {} } : readCredentials(kubeConfig)),
  };
}

async function readCredentials(kubeConfig: KubeConfigLike): Promise<KubeCredentials> {
  const options: AppliedOptions = { headers: {} };
  try {
    // It also makes an agent, which is not used.
    await kubeConfig.applyToHTTPSOptions(options);
  } catch (cause: unknown) {
    throw noConfig(`the KubeConfig gives no credentials: ${(cause as Error).message}`, cause);
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    headers[name.toLowerCase()] = String(value).trim();
  }
  if (typeof options.auth === 'string') {
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  const { ca, cert, key, servername, rejectUnauthorized } = options;
  return {
    headers,
    tls: withAuthorities({
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    }),
  };
}

type AppliedOptions = KubeTls & {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly auth?: string | null;
};
