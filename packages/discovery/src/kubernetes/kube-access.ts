import type { SecureContextOptions } from 'node:tls';
import { kubeconfigAccess, kubeconfigFiles } from './kube-client';
import { isInCluster, serviceAccountAccess } from './service-account';
import { KubeFailure } from './kube-failure';

/** Where the API server is, and how to speak to it as this program. */
export interface KubeAccess {
  /** Scheme, host and port. */
  readonly server: string;
  /** The one that is meant where none is named. */
  readonly namespace: string;
  /** Read afresh for each request: tokens and certificates are exchanged while the program runs. */
  credentials(): Promise<KubeCredentials>;
}

export interface KubeCredentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: KubeTls;
}

export type KubeTls = Pick<SecureContextOptions, 'ca' | 'cert' | 'key'> & {
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
};

export interface KubeAccessOptions {
  /** A context of the kubeconfig; its current one by default. */
  readonly context?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * The kubeconfig if there is one (KUBECONFIG, else ~/.kube/config), else the pod's service account: the
 * order of kubectl. Rejects with a `KubeFailure` that says what to do.
 */
export async function findKubeAccess({
  context,
  env = process.env,
}: KubeAccessOptions): Promise<KubeAccess> {
  const files = kubeconfigFiles(env);
  if (files.length > 0) return kubeconfigAccess(files, context);
  if (context !== undefined) {
    throw noAccess(`there is no kubeconfig that could have the context '${context}'`);
  }
  if (isInCluster(env)) return serviceAccountAccess(env);
  throw noAccess('no cluster configuration was found');
}

function noAccess(what: string): KubeFailure {
  return new KubeFailure(
    'unreachable',
    `${what}: set KUBECONFIG, or put a kubeconfig at ~/.kube/config; a pod needs the token of a service account`,
    { reason: 'no_config' },
  );
}
