import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import path from 'node:path';
import type { KubeAccess } from './kube-access';
import { SourceFailure } from '../../adapter/source-failure';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the kubelet puts a pod's token (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/). */
const defaultFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Whether this is a pod that was given an API server and a token. */
export function isInCluster(env: Environment, folder = defaultFolder): boolean {
  return (env['KUBERNETES_SERVICE_HOST'] ?? '') !== '' && existsSync(path.join(folder, 'token'));
}

/**
 * A pod's own access. Own code of a few lines, since `@kubernetes/client-node`, which does this too, costs
 * 220 ms and 60 MB to load, keeps a token for a minute, and neither trims it nor reads it again on 401.
 */
export async function serviceAccountAccess(
  env: Environment,
  folder = defaultFolder,
): Promise<KubeAccess> {
  const host = env['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '443';
  const namespace = await read(folder, 'namespace');
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    namespace,
    credentials: async () => ({
      // The kubelet exchanges the token long before it expires.
      headers: { authorization: `Bearer ${await read(folder, 'token')}` },
      tls: { ca: await read(folder, 'ca.crt') },
    }),
  };
}

async function read(folder: string, name: string): Promise<string> {
  const file = path.join(folder, name);
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause: unknown) {
    throw new SourceFailure(
      'unreachable',
      `cannot read ${file} (${(cause as NodeJS.ErrnoException).code ?? 'unknown error'}): ` +
        'is automountServiceAccountToken switched off?',
      { reason: 'no_config', cause },
    );
  }
}
