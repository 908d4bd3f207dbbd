import * as z from 'zod';

/** Says of a query parameter or member that it is not there, or not there once. */
export const oneValue = ({ input }: { readonly input?: unknown }): string =>
  input === undefined ? 'is missing' : 'must be given once, as text';

/** Identifies a record or a user: any text that is not empty, at most 256 characters. */
export const idSchema = z
  .string({ error: oneValue })
  .min(1, 'must not be empty')
  .max(256, 'must be at most 256 characters');

/** What a service is asked for by `?id=`. */
export const byIdQuery = z.object({ id: idSchema });
