import * as z from 'zod';
import { listSchema } from './list';
import { metadataSchema } from './metadata';

/** The services that an answer had to do without; absent when it is whole. */
const degradedSchema = z.array(z.string()).optional();

/** Body of `GET /movie`. */
export const movieDetailsSchema = z.strictObject({
  /** The mean of all votes; `null` if there are none, or if they could not be had (see `degraded`). */
  rating: z.number().nullable(),
  metadata: metadataSchema,
  degraded: degradedSchema,
});

/** A movie as a client sees it. */
export type MovieDetails = z.infer<typeof movieDetailsSchema>;

/** Body of `GET /movies`: a page of movies, and one `degraded` for all of them. */
export const movieListSchema = listSchema(movieDetailsSchema.omit({ degraded: true })).extend({
  degraded: degradedSchema,
});

/** A page of movies. */
export type MovieList = z.infer<typeof movieListSchema>;
