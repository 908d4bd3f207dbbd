import { noConfig } from './no-config';

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
