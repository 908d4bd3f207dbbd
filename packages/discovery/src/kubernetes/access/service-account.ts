import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import path from 'node:path';
import { codeOf } from '../../adapter/message-of';
import { bearer } from './headers';
import type { KubeAccess } from './kube-access';
import { noConfig } from './kubeconfig-entry';
import { proxyFromEnv } from './proxy-from-env';
import { withAuthorities } from './system-authorities';
import type { SourceFailure } from '../../adapter/source-failure';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the kubelet puts a pod's token (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/). */
const defaultFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Whether this is a pod that was given an API server and a token. */
export function isInCluster(env: Environment, folder = defaultFolder): boolean {
  return (env['KUBERNETES_SERVICE_HOST'] ?? '') !== '' && existsSync(path.join(folder, 'token'));
}

/**
 * A pod's own access. The token is read for each request: the kubelet exchanges it long before it expires. The
 * authorities of the system count where there is no `ca.crt`, and the namespace is read only where none is named.
 */
export async function serviceAccountAccess(
  env: Environment,
  folder = defaultFolder,
): Promise<KubeAccess> {
  const host = env['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '443';
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  let namespace: string | undefined;
  return {
    server,
    get namespace() {
      namespace ??= podNamespace(env, folder);
      return namespace;
    },
    proxy: proxyFromEnv(server, env),
    credentials: async () => {
      const ca = await readAuthority(path.join(folder, 'ca.crt'));
      return {
        headers: { authorization: await readToken(path.join(folder, 'token')) },
        tls: withAuthorities(ca === undefined ? {} : { ca }),
      };
    },
  };
}

/** As client-go: what the pod is told counts before the file. Throws a `SourceFailure` if neither says it. */
export function podNamespace(env: Environment, folder = defaultFolder): string {
  return nonEmpty(env['POD_NAMESPACE']) ?? readNamespace(path.join(folder, 'namespace'));
}

function readNamespace(file: string): string {
  let namespace: string;
  try {
    namespace = readFileSync(file, 'utf8').trim();
  } catch (cause: unknown) {
    throw unreadable(file, cause, 'name the namespace in the URL or the options');
  }
  if (namespace !== '') return namespace;
  throw noConfig(`${file} is empty: name the namespace in the URL or the options`);
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

async function readToken(file: string): Promise<string> {
  let token: string;
  try {
    token = (await readFile(file, 'utf8')).trim();
  } catch (cause: unknown) {
    throw unreadable(file, cause, 'is automountServiceAccountToken switched off?');
  }
  if (token === '') throw noConfig(`${file} is empty: is the volume of the token mounted?`);
  return bearer(token, (reason) => noConfig(`${file} ${reason}`));
}

async function readAuthority(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause: unknown) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw unreadable(file, cause, 'may this program read it?');
  }
}

function unreadable(file: string, cause: unknown, remedy: string): SourceFailure {
  return noConfig(`cannot read ${file} (${codeOf(cause)}): ${remedy}`, cause);
}
