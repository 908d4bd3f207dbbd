import { headerText } from './header-text';
import type { KubeconfigEntry } from './kubeconfig-entry';

/**
 * The headers for whom the user acts, as client-go's `NewImpersonatingRoundTripper` sends them
 * (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation).
 */
export function impersonationHeaders(user: KubeconfigEntry): Readonly<Record<string, string>> {
  const name = user.text('as');
  const uid = user.text('as-uid');
  const groups = user.texts('as-groups');
  const extra = user.entry('as-user-extra');
  if (name === undefined) {
    if (uid === undefined && groups.length === 0 && (extra?.fields ?? []).length === 0) return {};
    throw user.refuse(
      `has as-uid, as-groups or as-user-extra, but no 'as' that says whom it acts for`,
    );
  }
  const headers: [string, readonly string[]][] = [
    ['impersonate-user', [name]],
    ['impersonate-uid', uid === undefined ? [] : [uid]],
    ['impersonate-group', groups],
    ...(extra?.fields ?? []).map((key): [string, readonly string[]] => [
      `impersonate-extra-${escapeKey(key)}`,
      extra?.texts(key) ?? [],
    ]),
  ];
  return Object.fromEntries(
    headers.flatMap(([header, values]) =>
      values.map((value, i) => [
        spelling(header, i),
        headerText(value, (reason) => user.refuse(`has a value for ${header} that ${reason}`)),
      ]),
    ),
  );
}

/**
 * A header's name in its `n`-th letter case. undici joins the values of one name by a comma over HTTP/2, which would
 * make one group of two; names in another letter case are the same to the server and stay apart.
 */
function spelling(header: string, n: number): string {
  let bit = 0;
  return header.replaceAll(/[a-z]/g, (letter) =>
    Math.floor(n / 2 ** bit++) % 2 === 1 ? letter.toUpperCase() : letter,
  );
}

/** What a header's name may not hold, and the percent sign, in percent encoding of its UTF-8. */
function escapeKey(key: string): string {
  return Buffer.from(key)
    .toString('latin1')
    .replaceAll(
      /[^!#$&'*+\-.^_`|~0-9A-Za-z]/g,
      (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .toLowerCase();
}
