import { stat } from 'node:fs/promises';
import path from 'node:path';
import { systemClock, type Clock } from '@movies/time';
import { codeOf } from '../../adapter/message-of';
import type { KubeAccess } from './kube-access';
import { kubeConfigSource, type KubeConfigLike } from './kube-config-object';
import { kubeconfigAccess } from './kubeconfig';
import { noConfig, unusable } from './kubeconfig-entry';
import { kubeconfigFiles, readKubeconfig, type Kubeconfig } from './kubeconfig-files';
import { serverUrl, shownServer } from './server-url';
import { isInCluster, serviceAccountAccess } from './service-account';

/** `context`, `kubeConfig`, `access` and `findAccess` exclude each other. */
export interface KubeAccessOptions {
  /** A context of the kubeconfig files; the current one by default. */
  readonly context?: string | undefined;
  /** A `KubeConfig` of `@kubernetes/client-node`, of which the current context counts. */
  readonly kubeConfig?: KubeConfigLike | undefined;
  /** The access itself, where neither a kubeconfig nor a service account tells it. */
  readonly access?: KubeAccess | undefined;
  /** The same, called for each request. */
  readonly findAccess?: (() => Promise<KubeAccess>) | undefined;
  /** `process.env` by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** For the deadline of plug-ins, and the pause between them; that of the system by default. */
  readonly clock?: Clock;
}

/**
 * A function that gives the present access, to be called for each request. It gives the same one until a file of the
 * kubeconfig changes, so that an exec plug-in is not run again without need. Throws a `TypeError` for options that
 * exclude each other; the function rejects with a `SourceFailure` that says what to do.
 */
export function kubeAccessSource(options: KubeAccessOptions): () => Promise<KubeAccess> {
  const { context, kubeConfig, access, findAccess } = options;
  const { env = process.env, clock = systemClock } = options;
  const given = Object.entries({ context, kubeConfig, access, findAccess }).filter(
    ([, value]) => value !== undefined,
  );
  if (given.length > 1) {
    throw new TypeError(
      `${given.map(([name]) => name).join(' and ')} exclude each other: give one`,
    );
  }
  if (findAccess !== undefined) return async () => checkedAccess(await findAccess());
  if (access !== undefined) {
    checkedAccess(access);
    return () => Promise.resolve(access);
  }
  if (kubeConfig !== undefined) {
    const source = kubeConfigSource(kubeConfig, { env, clock });
    return async () => source();
  }
  let found: { readonly access: Promise<KubeAccess>; readonly version: string } | undefined;
  return async () => {
    const files = kubeconfigFiles(env);
    const version = await versionOf(files);
    if (found?.version === version) return found.access;
    // Shared from now on by all that ask, so that a change runs a plug-in once.
    const finding = { access: find({ context, env, clock, files }), version };
    found = finding;
    try {
      return await finding.access;
    } catch (error: unknown) {
      if (found === finding) found = undefined;
      throw error;
    }
  };
}

function checkedAccess(access: KubeAccess): KubeAccess {
  if (serverUrl(access.server) === access.server) return access;
  throw new TypeError(
    `the server of the access is ${shownServer(access.server)}: expected https://host:port without a slash at its end`,
  );
}

interface Search extends Required<Pick<KubeAccessOptions, 'env' | 'clock'>> {
  readonly context: string | undefined;
  readonly files: readonly string[];
}

/**
 * The kubeconfig if there is one (KUBECONFIG, else ~/.kube/config), else the pod's service account: the order of
 * kubectl.
 */
async function find({ context, env, clock, files }: Search): Promise<KubeAccess> {
  const config = await readKubeconfig(files);
  const name = context ?? config.currentContext;
  if (name !== undefined) {
    if (config.files.length === 0) {
      throw nothingFound(`there is no kubeconfig that could have the context '${name}'`);
    }
    return kubeconfigAccess(config, { name, isCurrent: context === undefined, env, clock });
  }
  if (isInCluster(env)) return serviceAccountAccess(env);
  if (config.contexts.length > 0) throw noContext(config);
  const named = env['KUBECONFIG'] ? `; KUBECONFIG names ${files.join(' and ')}` : '';
  const emptiness = config.files.length === 0 ? 'does not exist' : 'says nothing';
  throw nothingFound(
    `no cluster configuration was found${named === '' ? '' : `${named}, which ${emptiness}`}`,
  );
}

function noContext({ files, contexts }: Kubeconfig) {
  return unusable(
    files.join(path.delimiter),
    `it has no current-context; there are ${contexts.map((each) => `'${each}'`).join(', ')}: ` +
      'kubectl config use-context chooses one',
  );
}

function nothingFound(what: string) {
  return noConfig(
    `${what}: set KUBECONFIG, or put a kubeconfig at ~/.kube/config; a pod needs the token of a service account`,
  );
}

/** Differs when a file is changed, exchanged, added or removed. */
async function versionOf(files: readonly string[]): Promise<string> {
  const versions = files.map(async (file) => {
    try {
      const { ino, size, mtimeMs, ctimeMs } = await stat(file);
      return [ino, size, mtimeMs, ctimeMs].join();
    } catch (cause: unknown) {
      return codeOf(cause);
    }
  });
  return (await Promise.all(versions)).join(';');
}
