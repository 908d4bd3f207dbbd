import path from 'node:path';
import type { Clock } from '@movies/time';
import { CredentialCache } from './credential-cache';
import { execPlugin } from './exec-plugin';
import { bearer, impersonationHeaders } from './headers';
import type { CredentialsOptions, KubeAccess, KubeCredentials, KubeTls } from './kube-access';
import { unusable, type KubeconfigEntry } from './kubeconfig-entry';
import type { Kubeconfig } from './kubeconfig-files';
import { oidcProvider } from './oidc-provider';
import { checkProxy, proxyFromEnv } from './proxy-from-env';
import { serverUrl, withScheme } from './server-url';
import { isInCluster, podNamespace } from './service-account';
import { withAuthorities } from './system-authorities';

type Environment = Readonly<Record<string, string | undefined>>;
type Credentials = (options: CredentialsOptions) => Promise<KubeCredentials>;

/** Which context of a kubeconfig, and what its plug-ins get. */
export interface KubeconfigAccessOptions {
  /** Of the context. */
  readonly name: string;
  /** Whether that is the `current-context`, rather than one that the options name. */
  readonly isCurrent: boolean;
  readonly env: Environment;
  readonly clock: Clock;
}

/**
 * The access of one context, with each field meaning what it means to kubectl (the types of client-go's
 * `clientcmd/api/v1`). Throws a `SourceFailure` that names file, entry and field of what cannot be used; what the context
 * does not lead to is not looked at.
 */
export function kubeconfigAccess(config: Kubeconfig, options: KubeconfigAccessOptions): KubeAccess {
  const { env } = options;
  const context = findContext(config, options);
  const cluster = findNamed(config, context, 'cluster');
  if (cluster === undefined) throw context.refuse('names no cluster');
  const server = serverOf(cluster);
  const proxyUrl = cluster.text('proxy-url');
  const proxy =
    proxyUrl === undefined
      ? undefined
      : checkProxy(proxyUrl, (reason) => cluster.refuse(`has a proxy-url that ${reason}`));
  const user = findNamed(config, context, 'user');
  const acting = user === undefined ? {} : impersonationHeaders(user);
  // As for client-go, without TLS neither side says what is secret.
  const isSecure = server.startsWith('https:');
  const readTls = isSecure ? serverTls(cluster) : undefined;
  const readUser =
    user !== undefined && isSecure
      ? credentialsOf(user, () => clusterInfo(cluster, server, proxy), options)
      : undefined;
  const namespace = context.text('namespace');
  return {
    server,
    get namespace() {
      // As client-go: the namespace of the pod, if this is one, counts before the default.
      return namespace ?? (isInCluster(env) ? podNamespace(env) : 'default');
    },
    proxy: proxy ?? proxyFromEnv(server, env),
    credentials: async (asked = {}) => {
      const [tls, own] = await Promise.all([readTls?.(), readUser?.(asked)]);
      return { headers: { ...own?.headers, ...acting }, tls: { ...tls, ...own?.tls } };
    },
  };
}

function findContext(config: Kubeconfig, { name, isCurrent }: KubeconfigAccessOptions) {
  const context = config.find('contexts', name);
  if (context !== undefined) return context;
  const known = config.contexts.map((each) => `'${each}'`).join(', ');
  throw unusable(
    config.files.join(path.delimiter),
    `${isCurrent ? `its current-context '${name}'` : `the context '${name}'`} does not exist; ` +
      `there ${known === '' ? 'is none' : `are ${known}`}`,
  );
}

function findNamed(config: Kubeconfig, context: KubeconfigEntry, kind: 'cluster' | 'user') {
  const name = context.text(kind);
  if (name === undefined) return undefined;
  const entry = config.find(`${kind}s`, name);
  if (entry === undefined)
    throw context.refuse(`names the ${kind} '${name}', which does not exist`);
  return entry;
}

function serverOf(cluster: KubeconfigEntry): string {
  const given = cluster.text('server');
  if (given === undefined) throw cluster.refuse('has no server');
  const server = serverUrl(withScheme(given));
  if (server === undefined) {
    if (given.includes('@')) {
      // Not shown, since a password may stand in it.
      throw cluster.refuse('has a server with a user or password: give them to the user');
    }
    throw cluster.refuse(`has the server '${given}', which is no https:// or http:// URL`);
  }
  return server;
}

function serverTls(cluster: KubeconfigEntry): () => Promise<KubeTls> {
  const readCa = cluster.pem('certificate-authority');
  const servername = cluster.text('tls-server-name');
  const isUnchecked = cluster.flag('insecure-skip-tls-verify');
  if (isUnchecked && readCa !== undefined) {
    throw cluster.refuse('has a certificate-authority and insecure-skip-tls-verify: remove one');
  }
  return async () =>
    withAuthorities({
      ...(readCa && { ca: await readCa() }),
      ...(servername !== undefined && { servername }),
      ...(isUnchecked && { rejectUnauthorized: false }),
    });
}

/** What the user is known by: a static token or password, else what a plug-in or provider says; and a certificate. */
function credentialsOf(
  user: KubeconfigEntry,
  info: () => Promise<Readonly<Record<string, unknown>>>,
  options: KubeconfigAccessOptions,
): Credentials {
  const readCertificate = certificateOf(user);
  const readStatic = staticAuthorization(user);
  const cache = obtained(user, info, options);
  return async (asked) => {
    const tls = await readCertificate?.();
    if (readStatic !== undefined) {
      return { headers: { authorization: await readStatic() }, tls: tls ?? {} };
    }
    const other = await cache?.credentials(asked);
    return { headers: other?.headers ?? {}, tls: tls ?? other?.tls ?? {} };
  };
}

/** What a plug-in or provider says, if there is one. */
function obtained(
  user: KubeconfigEntry,
  clusterInfo: () => Promise<Readonly<Record<string, unknown>>>,
  { env, clock }: KubeconfigAccessOptions,
): CredentialCache | undefined {
  if (user.has('exec') && user.has('auth-provider')) {
    throw user.refuse('has an exec plug-in and an auth-provider: remove one');
  }
  if (user.has('exec')) {
    return new CredentialCache(execPlugin({ user, clusterInfo, env, clock }), clock);
  }
  if (!user.has('auth-provider')) return undefined;
  return new CredentialCache(oidcProvider({ user, env, clock }), clock);
}

function certificateOf(user: KubeconfigEntry): (() => Promise<KubeTls>) | undefined {
  const readCert = user.pem('client-certificate');
  const readKey = user.pem('client-key');
  if (readCert === undefined) return undefined;
  if (readKey === undefined) {
    throw user.refuse('has a client-certificate without client-key or client-key-data');
  }
  return async () => ({ cert: await readCert(), key: await readKey() });
}

function staticAuthorization(user: KubeconfigEntry): (() => Promise<string>) | undefined {
  const [token, name, password] = ['token', 'username', 'password'].map((each) => user.text(each));
  const hasPassword = name !== undefined || password !== undefined;
  if (hasPassword && (token !== undefined || user.has('tokenFile'))) {
    throw user.refuse('has a token and a password: remove one');
  }
  if (hasPassword) {
    const basic = Buffer.from(`${name ?? ''}:${password ?? ''}`).toString('base64');
    return () => Promise.resolve(`Basic ${basic}`);
  }
  if (user.text('tokenFile') !== undefined) {
    return async () => readToken(user, token);
  }
  if (token === undefined) return undefined;
  return async () => bearer(token, (reason) => user.refuse(`has a token that ${reason}`));
}

/** The file is exchanged while the program runs, so it counts more than the token beside it. */
async function readToken(user: KubeconfigEntry, beside: string | undefined): Promise<string> {
  try {
    const token = (await user.read('tokenFile')).toString('utf8').trim();
    if (token === '') throw user.refuse(`has a tokenFile that is empty`);
    return bearer(token, (reason) => user.refuse(`has a tokenFile that ${reason}`));
  } catch (error: unknown) {
    if (beside === undefined) throw error;
    return bearer(beside, (reason) => user.refuse(`has a token that ${reason}`));
  }
}

/** As client-go's `ConfigToExecCluster` makes it; empty fields are left out. */
async function clusterInfo(cluster: KubeconfigEntry, server: string, proxy: string | undefined) {
  const ca = await cluster.pem('certificate-authority')?.();
  const config = cluster
    .entries('extensions')
    .find((extension) => extension.text('name') === 'client.authentication.k8s.io/exec')
    ?.raw('extension');
  return {
    server,
    'tls-server-name': cluster.text('tls-server-name'),
    'insecure-skip-tls-verify': cluster.flag('insecure-skip-tls-verify') || undefined,
    'certificate-authority-data': ca?.toString('base64'),
    'proxy-url': proxy,
    'disable-compression': cluster.flag('disable-compression') || undefined,
    config,
  };
}
