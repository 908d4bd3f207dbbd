import { noConfig, type KubeconfigEntry } from './kubeconfig-entry';

/**
 * A header's value in UTF-8, as Go sends it, without white space at its ends. Throws what `refuse` makes of the reason why
 * no header can have it; the value is not told.
 */
export function headerText(value: string, refuse: (reason: string) => Error): string {
  const bytes = Buffer.from(value.trim()).toString('latin1');
  // eslint-disable-next-line no-control-regex -- these are what is looked for
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(bytes)) {
    throw refuse('holds a line break or control character, which no header can have');
  }
  return bytes;
}

/** The `authorization` of a token. Throws what `refuse` makes of the reason why no header can have the token. */
export function bearer(token: string, refuse: (reason: string) => Error): string {
  return `Bearer ${headerText(token, refuse)}`;
}

/**
 * The headers of an access as they are sent: without white space at the ends of a value. Throws a `SourceFailure` for a
 * value that no header can have; the value is not told.
 */
export function sentHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => {
      const sent = value.trim();
      if (/^[\t\x20-\x7e\x80-\xff]*$/.test(sent)) return [name, sent];
      throw noConfig(
        `the credentials of the access have a value for the header ${name} that holds a line break, control ` +
          'character or character beyond Latin-1, which no header can have',
      );
    }),
  );
}

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
