import { existsSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import path from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js' with {
  'resolution-mode': 'import',
};
import type { KubeAccess, KubeCredentials, KubeTls } from './kube-access';
import { SourceFailure } from '../../adapter/source-failure';

/** The kubeconfig files that are meant; none if there is no kubeconfig. */
export function kubeconfigFiles(env: Readonly<Record<string, string | undefined>>): string[] {
  const named = (env['KUBECONFIG'] ?? '').split(path.delimiter).filter((file) => file !== '');
  if (named.length > 0) return named;
  const usual = path.join(env['HOME'] ?? homedir(), '.kube', 'config');
  return existsSync(usual) ? [usual] : [];
}

/**
 * A kubeconfig's access, by `@kubernetes/client-node`: tokens, client certificates, exec plug-ins, OIDC. The
 * only file that loads it, and only when it is called: it costs about 290 ms and 56 MB.
 * Rejects with a `SourceFailure` that names the file and what is wrong with it.
 */
export async function kubeconfigAccess(
  files: readonly string[],
  context: string | undefined,
): Promise<KubeAccess> {
  const config = await load(files);
  const where = files.join(path.delimiter);
  const name = context ?? config.getCurrentContext();
  const chosen = name === '' ? null : config.getContextObject(name);
  if (chosen === null) {
    const known = config.getContexts().map((each) => `'${each.name}'`);
    throw unusable(
      where,
      (context === undefined ? 'its current-context' : `the context '${context}'`) +
        ` does not exist; there ${known.length === 0 ? 'is none' : `are ${known.join(', ')}`}`,
    );
  }
  config.setCurrentContext(chosen.name);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw unusable(where, `its cluster '${chosen.cluster}' does not exist`);
  if (config.getCurrentUser() === null) {
    throw unusable(where, `its user '${chosen.user}' does not exist`);
  }
  if (cluster.proxyUrl !== undefined && cluster.proxyUrl !== '') {
    throw unusable(where, `the cluster '${cluster.name}' has a proxy-url, which is not supported`);
  }
  const url = URL.parse(cluster.server);
  if (url?.protocol !== 'https:') {
    throw unusable(where, `the server of '${cluster.name}' is not an https:// URL`);
  }
  return {
    server: `${url.origin}${url.pathname.replace(/\/$/, '')}`,
    namespace: chosen.namespace ?? 'default',
    credentials: () => readCredentials(config, where),
  };
}

/** As kubectl merges them: of what several files name, the first counts. */
async function load(files: readonly string[]): Promise<KubeConfig> {
  const { KubeConfig } = await importClient();
  const configs = files.map((file) => {
    const config = new KubeConfig();
    try {
      config.loadFromFile(file);
    } catch (cause: unknown) {
      const { code, message } = cause as NodeJS.ErrnoException;
      throw unusable(file, code === 'ENOENT' ? 'there is no such file' : message, cause);
    }
    return config;
  });
  const merged = new KubeConfig();
  merged.loadFromOptions({
    clusters: firstOfEachName(configs.flatMap(({ clusters }) => clusters)),
    users: firstOfEachName(configs.flatMap(({ users }) => users)),
    contexts: firstOfEachName(configs.flatMap(({ contexts }) => contexts)),
    currentContext: configs.map((config) => config.getCurrentContext()).find(Boolean) ?? '',
  });
  return merged;
}

function firstOfEachName<T extends { readonly name: string }>(all: readonly T[]): T[] {
  const names = new Set<string>();
  return all.filter(({ name }) => !names.has(name) && names.add(name));
}

/** Its part that reads kubeconfigs. That imports nearly all the rest, so it costs hardly less than the whole. */
async function importClient() {
  try {
    return await import('@kubernetes/client-node/dist/config.js');
  } catch (cause: unknown) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isAbsent = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
    throw new SourceFailure(
      'unreachable',
      'a kubeconfig is read with @kubernetes/client-node 2.0, which ' +
        (isAbsent
          ? 'is not installed: npm install @kubernetes/client-node@2.0'
          : `cannot be loaded: ${message}`),
      { reason: 'no_config', cause },
    );
  }
}

async function readCredentials(config: KubeConfig, where: string): Promise<KubeCredentials> {
  const options: RequestOptions = {};
  try {
    // It also makes an agent, which nobody asks for a connection.
    await config.applyToHTTPSOptions(options);
  } catch (cause: unknown) {
    throw unusable(where, `its credentials cannot be had: ${(cause as Error).message}`, cause);
  }
  const { ca, cert, key, servername, rejectUnauthorized, auth } = options;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    headers[name.toLowerCase()] = String(value).trim();
  }
  if (typeof auth === 'string') {
    headers['authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`;
  }
  const tls: KubeTls = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  };
  return { headers, tls };
}

function unusable(where: string, reason: string, cause?: unknown): SourceFailure {
  return new SourceFailure('unreachable', `the kubeconfig ${where} cannot be used: ${reason}`, {
    reason: 'no_config',
    cause,
  });
}
