import * as z from 'zod';
import { metadataSchema } from './metadata';

/** Body of `GET /movie`. */
export const movieDetailsSchema = z.strictObject({
  /** The mean of all votes; `null` if there are none, or if they could not be had (see `degraded`). */
  rating: z.number().nullable(),
  metadata: metadataSchema,
  /** The services that this answer had to do without; absent when it is whole. */
  degraded: z.array(z.string()).optional(),
});

/** A movie as a client sees it. */
export type MovieDetails = z.infer<typeof movieDetailsSchema>;
