/** What fits into an index with an id beside it, whatever it is made of. */
const maxLength = 500;

/**
 * What a title is found and ordered by: without case, accents, and differences in form and white space; its first 500
 * characters. It is stored beside the title, so a change of it needs a migration.
 */
export function titleKey(title: string): string {
  return (
    title
      .normalize('NFKD')
      .replace(/\p{M}/gu, '')
      .toLowerCase()
      .replace(/\s+/gu, ' ')
      .trim()
      .slice(0, maxLength)
      // The first half of a character that has been cut in two.
      .replace(/\p{Cs}$/u, '')
  );
}
