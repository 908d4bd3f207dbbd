import { Agent, ProxyAgent, request } from 'undici';
import { LimitedSignal, type Clock } from '@movies/time';
import { messageOf } from '../../adapter/message-of';
import type { Credential } from './credential-cache';
import { bearer } from './headers';
import { isMapping, KubeconfigEntry } from './kubeconfig-entry';
import { proxyFromEnv } from './proxy-from-env';
import { withAuthorities } from './system-authorities';

type Environment = Readonly<Record<string, string | undefined>>;

const refreshMs = 30_000;
/** Before a token expires on its way, as client-go has it. */
const marginMs = 10_000;

/** Of the provider of one user. */
export interface OidcOptions {
  /** With the field `auth-provider`. */
  readonly user: KubeconfigEntry;
  /** For the proxy to the issuer. */
  readonly env: Environment;
  readonly clock: Clock;
}

interface Metadata {
  readonly token_endpoint?: unknown;
  readonly token_endpoint_auth_methods_supported?: unknown;
}

/**
 * The id-token of a user with the auth-provider `oidc`, as client-go's plug-in gets it: the one of the kubeconfig as long
 * as it is good, then another for the refresh-token (OpenID Connect Core 1.0, section 12). What it gets is kept in
 * memory and not written to the kubeconfig. Throws a `SourceFailure` for another provider: kubectl has no other.
 */
export function oidcProvider({ user, env, clock }: OidcOptions) {
  const provider = user.entry('auth-provider');
  const name = provider?.text('name') ?? '';
  if (name !== 'oidc') {
    throw user.refuse(
      `has the auth-provider '${name}', which kubectl has no longer: use an exec plug-in, ` +
        'such as gke-gcloud-auth-plugin or kubelogin',
    );
  }
  const config = provider?.entry('config') ?? new KubeconfigEntry(user.file, 'the user', {});
  let token = config.text('id-token');
  let refreshToken = config.text('refresh-token');
  let isFirst = true;
  return async (signal: AbortSignal): Promise<Credential> => {
    const known = credentialOf(token, user);
    const isGood = isFirst && known.expiresAt > clock.now();
    isFirst = false;
    if (isGood) return known;
    if (refreshToken === undefined) {
      throw user.refuse(
        'has an auth-provider oidc whose id-token is expired or refused, and no refresh-token: log in again',
      );
    }
    const answer = await refresh(refreshToken, signal);
    token = answer.idToken;
    refreshToken = answer.refreshToken ?? refreshToken;
    return credentialOf(token, user);
  };

  async function refresh(current: string, signal: AbortSignal) {
    const [issuer, id] = ['idp-issuer-url', 'client-id'].map((field) => {
      const value = config.text(field);
      if (value === undefined) throw user.refuse(`has an auth-provider oidc without ${field}`);
      return value;
    }) as [string, string];
    if (URL.parse(issuer) === null) {
      throw user.refuse(`has the idp-issuer-url '${issuer}', which is no URL`);
    }
    const ca = await config.pem('idp-certificate-authority')?.();
    const tls = withAuthorities(ca === undefined ? {} : { ca });
    const proxy = proxyFromEnv(issuer, env);
    using limited = new LimitedSignal(signal, refreshMs, clock);
    const dispatcher =
      proxy === undefined
        ? new Agent({ connect: tls })
        : new ProxyAgent({ uri: proxy, requestTls: tls });
    const ask = async (url: string, options: object) => {
      const { statusCode, body } = await request(url, {
        dispatcher,
        signal: limited.signal,
        ...options,
      });
      const answer = parse(await body.text());
      if (statusCode !== 200) {
        throw new Error(`${url} answered ${statusCode}${errorCodeOf(answer)}`);
      }
      if (answer === undefined) throw new Error(`${url} answered with what is no JSON object`);
      return answer;
    };
    try {
      const metadata = (await ask(
        `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
        {},
      )) as Metadata;
      const answer = await ask(
        String(metadata.token_endpoint),
        tokenRequest(metadata, { id, secret: config.text('client-secret'), refreshToken: current }),
      );
      const { id_token, refresh_token } = answer;
      if (typeof id_token !== 'string') throw new Error('it gave no id_token');
      return {
        idToken: id_token,
        refreshToken: typeof refresh_token === 'string' ? refresh_token : undefined,
      };
    } catch (cause: unknown) {
      throw user.refuse(
        `has an auth-provider oidc that gave no other id-token: ${
          limited.timedOut ? `${issuer} does not answer` : messageOf(cause)
        }`,
        cause,
      );
    } finally {
      await dispatcher.destroy();
    }
  }
}

type Answer = Readonly<Record<string, unknown>>;

/** `undefined` for what is no JSON object. The failure of the parser would cite the text, and a token may be in it. */
function parse(text: string): Answer | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    return isMapping(answer) ? (answer as Answer) : undefined;
  } catch {
    return undefined;
  }
}

/** Those of RFC 6749, section 5.2. */
const errorCodes: readonly unknown[] = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
];

/** Nothing else of the response is told: it may repeat a secret. */
function errorCodeOf(answer: Answer | undefined): string {
  const code = answer?.['error'];
  return errorCodes.includes(code) ? `: ${String(code)}` : '';
}

interface Client {
  readonly id: string;
  readonly secret: string | undefined;
  readonly refreshToken: string;
}

/** With the secret in a header, or in the body where the issuer takes only that (RFC 6749, section 2.3.1). */
function tokenRequest(
  { token_endpoint_auth_methods_supported: methods }: Metadata,
  { id, secret, refreshToken }: Client,
) {
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken });
  const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' };
  const takesHeader = !Array.isArray(methods) || methods.includes('client_secret_basic');
  if (secret !== undefined && takesHeader) {
    const pair = [id, secret].map(encodeURIComponent).join(':');
    headers['authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`;
  } else {
    body.set('client_id', id);
    if (secret !== undefined) body.set('client_secret', secret);
  }
  return { method: 'POST', headers, body: body.toString() };
}

/** Of a JSON Web Token, its `exp`; what is none counts as expired. */
function credentialOf(token: string | undefined, user: KubeconfigEntry) {
  const [, claims = ''] = token?.split('.') ?? [];
  let exp: unknown;
  try {
    ({ exp } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')) as { exp?: unknown });
  } catch {
    // Then there is none.
  }
  const refuse = (reason: string) =>
    user.refuse(`has an auth-provider oidc whose id-token ${reason}`);
  return {
    headers: token === undefined ? {} : { authorization: bearer(token, refuse) },
    tls: {},
    expiresAt: typeof exp === 'number' ? exp * 1000 - marginMs : 0,
  };
}
