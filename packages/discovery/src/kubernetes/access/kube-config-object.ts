import { LimitedSignal, type Clock } from '@movies/time';
import { messageOf } from '../../adapter/message-of';
import { SourceFailure } from '../../adapter/source-failure';
import { CredentialCache, type Credential, type Obtain } from './credential-cache';
import { headerText } from './headers';
import type { KubeAccess, KubeTls } from './kube-access';
import { noConfig } from './kubeconfig-entry';
import { checkProxy, proxyFromEnv } from './proxy-from-env';
import { serverUrl, shownServer } from './server-url';
import { withAuthorities } from './system-authorities';

/**
 * What is used of the `KubeConfig` of `@kubernetes/client-node`; its versions from 0.20 on have it. It is described
 * here, so that none of them need be installed.
 */
export interface KubeConfigLike {
  /** The name of its current context. */
  getCurrentContext(): string;
  /** Its namespace is that of requests that name none; `default` if there is none. */
  getContextObject(name: string): { readonly namespace?: string | undefined } | null;
  /** `null` fails each request. `server` is an `https://` or `http://` URL. */
  getCurrentCluster(): {
    readonly server: string;
    readonly proxyUrl?: string | undefined;
    readonly skipTLSVerify?: boolean | undefined;
  } | null;
  /**
   * Sets headers, `auth`, `ca`, `cert`, `key`, `servername` and `rejectUnauthorized` for the current user. Has a minute, and
   * is not called again for ten seconds after it failed, or after a 401.
   */
  applyToHTTPSOptions(options: object): Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

const applyMs = 60_000;
const maxComplaint = 500;

/**
 * A function that gives the access of a `KubeConfig` as it is now: for its current context, with all its ways to
 * authenticate. The credentials of each context fail once for all that ask within ten seconds. The function throws a
 * `SourceFailure` if there is no current cluster, or one that cannot be used.
 */
export function kubeConfigSource(
  kubeConfig: KubeConfigLike,
  { env, clock }: { readonly env: Environment; readonly clock: Clock },
): () => KubeAccess {
  const caches = new Map<string, CredentialCache>();
  return () => {
    const context = kubeConfig.getCurrentContext();
    const cache =
      caches.get(context) ?? new CredentialCache(credentialsOf(kubeConfig, clock), clock);
    caches.set(context, cache);
    return accessOf(kubeConfig, context, cache, env);
  };
}

function accessOf(
  kubeConfig: KubeConfigLike,
  context: string,
  cache: CredentialCache,
  env: Environment,
): KubeAccess {
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null) {
    throw noConfig(
      `the KubeConfig has no cluster for its current context '${context}': load one, or call setCurrentContext`,
    );
  }
  const server = serverUrl(cluster.server);
  if (server === undefined) {
    throw noConfig(
      `the server of the KubeConfig is ${shownServer(cluster.server)}: expected https:// or http://, host and port`,
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
    credentials: async (asked = {}) =>
      isRefused ? { headers: {}, tls: {} } : cache.credentials(asked),
  };
}

/**
 * Asks a `KubeConfig`, which keeps tokens itself. It can end no plug-in that hangs, so that there is one call at a time:
 * an attempt waits for the call that the last one began.
 */
function credentialsOf(kubeConfig: KubeConfigLike, clock: Clock): Obtain {
  let underWay: Promise<AppliedOptions> | undefined;
  return async (signal, refused) => {
    if (refused !== undefined) forgetTokens(kubeConfig);
    underWay ??= apply(kubeConfig).finally(() => {
      underWay = undefined;
    });
    using limited = new LimitedSignal(signal, applyMs, clock);
    try {
      return toCredential(await limited.race(underWay));
    } catch (error: unknown) {
      if (error instanceof SourceFailure) throw error;
      throw noConfig(
        limited.timedOut
          ? `the KubeConfig gives no credentials within ${applyMs / 1000} s: does its exec plug-in wait for something?`
          : `the KubeConfig gives no credentials: ${complaintOf(error)}`,
      );
    }
  };
}

async function apply(kubeConfig: KubeConfigLike): Promise<AppliedOptions> {
  const options: AppliedOptions = { headers: {} };
  // It also makes an agent, which is not used.
  await kubeConfig.applyToHTTPSOptions(options);
  return options;
}

/**
 * client-node runs an exec plug-in again only when its token expires, and has no method for a token that was refused
 * before. Its private caches are emptied for that; a version without them gives the same token again.
 */
function forgetTokens(kubeConfig: KubeConfigLike): void {
  const { authenticators } = kubeConfig as { readonly authenticators?: unknown };
  if (!Array.isArray(authenticators)) return;
  for (const { tokenCache } of authenticators as { tokenCache?: Record<string, unknown> }[]) {
    for (const user of Object.keys(tokenCache ?? {})) delete tokenCache?.[user];
  }
}

/** A JSON parser cites what a plug-in prints, and a token may be in it. The cause is not kept for the same reason. */
function complaintOf(error: unknown): string {
  if (error instanceof Error && error.name === 'SyntaxError') return 'a plug-in prints no JSON';
  return messageOf(error).trim().slice(0, maxComplaint);
}

function toCredential({ headers: given, auth, ...tls }: AppliedOptions): Credential {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given ?? {})) {
    headers[name.toLowerCase()] = headerText(String(value), (reason) =>
      noConfig(`the KubeConfig gives a value for the header ${name.toLowerCase()} that ${reason}`),
    );
  }
  if (typeof auth === 'string') {
    headers['authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`;
  }
  const { ca, cert, key, servername, rejectUnauthorized } = tls;
  return {
    headers,
    tls: withAuthorities({
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    }),
    expiresAt: undefined,
  };
}

type AppliedOptions = KubeTls & {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly auth?: string | null;
};
