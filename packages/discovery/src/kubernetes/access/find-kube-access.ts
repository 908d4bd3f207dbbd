import type { KubeAccess } from './kube-access';
import { kubeconfigAccess, kubeconfigFiles } from './kubeconfig';
import { SourceFailure } from '../../adapter/source-failure';
import { isInCluster, serviceAccountAccess } from './service-account';

export interface KubeAccessOptions {
  /** A context of the kubeconfig; its current one by default. */
  readonly context?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * The kubeconfig if there is one (KUBECONFIG, else ~/.kube/config), else the pod's service account: the
 * order of kubectl. Rejects with a `SourceFailure` that says what to do.
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

function noAccess(what: string): SourceFailure {
  return new SourceFailure(
    'unreachable',
    `${what}: set KUBECONFIG, or put a kubeconfig at ~/.kube/config; a pod needs the token of a service account`,
    { reason: 'no_config' },
  );
}
