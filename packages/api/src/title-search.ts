import * as z from 'zod';
import { listSchema, maxListLength } from './list';
import { metadataSchema } from './metadata';
import { idSchema, oneValue, storable } from './record-id';

const defaultLimit = 20;
const maxTextLength = 500;
/** More than the longest title key and id make, in JSON's longest form (`\u0001`) and base64url. */
const maxCursorLength = 6144;
const limitFault = `must be an integer from 1 to ${maxListLength}`;

/** A place in the order of all films: by title key, then by id, both by code point. */
export interface TitlePosition {
  readonly titleKey: string;
  readonly id: string;
}

const positionSchema = z.tuple([storable, idSchema]);

/** To a client, text without meaning; to whoever pages, the position after which a page begins. */
const cursorSchema = z
  .string({ error: oneValue })
  .max(maxCursorLength)
  .transform((text, context): TitlePosition => {
    const position = parseCursor(text);
    if (position !== undefined) return position;
    context.addIssue({
      code: 'custom',
      message: 'is none that was given as nextCursor: leave it out to begin anew',
    });
    return z.NEVER;
  });

/** Query of `GET /metadata/search` and `GET /movies`. Without `q` it is all films. */
export const searchQuery = z.object({
  q: storable.max(maxTextLength, `must be at most ${maxTextLength} characters`).default(''),
  limit: z
    .string({ error: oneValue })
    .regex(/^\d{1,3}$/, limitFault)
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= maxListLength, limitFault)
    .default(defaultLimit),
  cursor: cursorSchema.optional(),
});

/** A search, parsed. */
export type SearchQuery = z.infer<typeof searchQuery>;

/** Body of `GET /metadata/search`, and of `GET /metadata?ids=`. */
export const metadataListSchema = listSchema(metadataSchema);

/** Path and query of `/metadata/search`. */
export function searchPath({ q, limit, cursor }: SearchQuery): string {
  const text = q === '' ? '' : `q=${encodeURIComponent(q)}&`;
  const after = cursor === undefined ? '' : `&cursor=${formatCursor(cursor)}`;
  return `/metadata/search?${text}limit=${limit}${after}`;
}

/** The cursor of the page that begins behind this position. */
export function formatCursor({ titleKey, id }: TitlePosition): string {
  return Buffer.from(JSON.stringify([titleKey, id])).toString('base64url');
}

function parseCursor(text: string): TitlePosition | undefined {
  try {
    // Buffer skips what is not base64url; a cursor that was changed on the way is to be refused.
    const decoded = Buffer.from(text, 'base64url');
    if (decoded.toString('base64url') !== text) return undefined;
    const parsed = positionSchema.safeParse(JSON.parse(decoded.toString('utf8')));
    if (!parsed.success) return undefined;
    const [titleKey, id] = parsed.data;
    return { titleKey, id };
  } catch {
    return undefined;
  }
}
