import * as z from 'zod';

/** How many items a page has at most, and how many ids may be asked for at once. */
export const maxListLength = 100;

/** The shape of every list: its items, and the cursor of the next page, `null` at the end. */
export function listSchema<T extends z.ZodType>(item: T) {
  return z.strictObject({
    items: z.array(item).max(maxListLength),
    nextCursor: z.string().min(1).nullable(),
  });
}

/** A list, or a page of one. */
export interface List<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}
