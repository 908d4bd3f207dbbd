import type { Clock } from '@movies/time';
import type { CredentialsOptions, KubeCredentials } from './kube-access';
import { kubeConfigAccess, type KubeConfigLike } from './kube-config-object';
import type { KubeconfigEntry } from './kubeconfig-entry';
import { noConfig } from './no-config';

type Credentials = (options: CredentialsOptions) => Promise<KubeCredentials>;

/**
 * The credentials of a user with an `auth-provider`: OIDC, or one of those that kubectl no longer has. The only file that
 * loads `@kubernetes/client-node`, and only when a token must be got: it costs about 290 ms and 56 MB. A token is kept
 * until it is expired or refused. Throws a `KubeFailure` for a provider that is not known.
 */
export function authProvider(user: KubeconfigEntry, clock: Clock): Credentials {
  const provider = user.entry('auth-provider');
  const name = provider?.text('name') ?? '';
  if (!['oidc', 'gcp', 'azure'].includes(name)) {
    throw user.refuse(
      `has the auth-provider '${name}', which is not supported: use an exec plug-in instead`,
    );
  }
  const settings = provider?.entry('config');
  const config = Object.fromEntries(
    (settings?.fields ?? []).map((field) => [field, settings?.text(field) ?? '']),
  );
  let token: string | undefined;
  if (name === 'oidc') {
    if (config['id-token'] !== '') token = config['id-token'];
    // Where there is none, it asks for no other.
    config['id-token'] = token ?? 'none';
  }
  let kubeConfig: KubeConfigLike | undefined;
  return async ({ refused }) => {
    const isRefused = refused?.headers['authorization'] === bearer(token);
    if (token === undefined || isRefused || expiryOf(token) <= clock.now()) {
      // It would ask for the token without it.
      if (name === 'oidc' && config['client-secret']) {
        throw user.refuse(
          'has an expired id-token, and an auth-provider with a client-secret cannot be asked for another: ' +
            'call kubectl, which writes it to the kubeconfig, or use an exec plug-in such as kubelogin',
        );
      }
      kubeConfig ??= await loadKubeConfig({ name, config });
      token = await tokenFrom(user, kubeConfig, name);
    }
    return { headers: { authorization: bearer(token) }, tls: {} };
  };
}

function bearer(token: string | undefined): string {
  return `Bearer ${token ?? ''}`;
}

/** Milliseconds since the epoch, of a JSON Web Token; one that is none has none that could be known. */
function expiryOf(token: string): number {
  try {
    const [, claims = ''] = token.split('.');
    const { exp } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')) as {
      readonly exp?: unknown;
    };
    return typeof exp === 'number' ? exp * 1000 : 0;
  } catch {
    return 0;
  }
}

async function tokenFrom(
  user: KubeconfigEntry,
  kubeConfig: KubeConfigLike,
  name: string,
): Promise<string> {
  let headers: KubeCredentials['headers'];
  try {
    ({ headers } = await kubeConfigAccess(kubeConfig, {}).credentials());
  } catch (cause: unknown) {
    throw user.refuse(
      `has an auth-provider '${name}' that fails: ${(cause as Error).message}`,
      cause,
    );
  }
  const token = /^Bearer (.+)$/.exec(headers['authorization'] ?? '')?.[1];
  if (token === undefined) {
    throw user.refuse(`has an auth-provider '${name}' that gives no token: log in again`);
  }
  return token;
}

interface AuthProvider {
  readonly name: string;
  readonly config: Readonly<Record<string, string>>;
}

/** With nothing but the provider: the server is not asked through it. */
async function loadKubeConfig(authProvider: AuthProvider): Promise<KubeConfigLike> {
  const { KubeConfig } = await importClient();
  const kubeConfig = new KubeConfig();
  const name = 'provider';
  kubeConfig.loadFromOptions({
    clusters: [{ name, server: 'https://server.invalid' }],
    users: [{ name, authProvider: { ...authProvider, config: { ...authProvider.config } } }],
    contexts: [{ name, cluster: name, user: name }],
    currentContext: name,
  });
  return kubeConfig;
}

/** Its part that reads kubeconfigs. That imports nearly all the rest, so it costs hardly less than the whole. */
async function importClient() {
  try {
    return await import('@kubernetes/client-node/dist/config.js');
  } catch (cause: unknown) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isAbsent = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
    throw noConfig(
      'an auth-provider of a kubeconfig is asked with @kubernetes/client-node 2.0, which ' +
        (isAbsent
          ? 'is not installed: npm install @kubernetes/client-node@2.0'
          : `cannot be loaded: ${message}`),
      cause,
    );
  }
}
