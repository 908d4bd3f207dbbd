import * as z from 'zod';

/** Says of a query parameter or member that it is not there, or not there once. */
export const oneValue = ({ input }: { readonly input?: unknown }): string =>
  input === undefined ? 'is missing' : 'must be given once, as text';

/**
 * Text that can be kept: PostgreSQL takes no NUL, and half a surrogate pair has no UTF-8.
 * Whatever is stored, or looked for in what is, must match.
 */
export const storable = z
  .string({ error: oneValue })
  .regex(/^[^\0\p{Cs}]*$/u, 'must not contain NUL or half of a surrogate pair');

/** Identifies a record or a user: any text that is not empty, at most 256 characters. */
export const idSchema = storable
  .min(1, 'must not be empty')
  .max(256, 'must be at most 256 characters');

/** What a service is asked for by `?id=`. */
export const byIdQuery = z.object({ id: idSchema });
