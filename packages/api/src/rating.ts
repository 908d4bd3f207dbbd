import * as z from 'zod';
import { byIdsQuery, pathsByIds } from './id-list';
import { listSchema } from './list';
import { idSchema, oneValue } from './record-id';

/** The kinds of records that can be rated. */
export const recordTypes = ['movie'] as const;

export type RecordType = (typeof recordTypes)[number];

/** Query of `GET /rating`. Any type may be asked for: an unknown one simply has no ratings. */
export const ratingQuery = z.object({ id: idSchema, type: idSchema });

/** Query of `GET /ratings`. */
export const ratingsQuery = byIdsQuery.extend({ type: idSchema });

/** Query of `PUT /rating`. The value is decimal text: `4.0`, ` 4` and `4e0` are no votes. */
export const voteQuery = z.object({
  id: idSchema,
  type: z
    .string({ error: oneValue })
    .pipe(z.enum(recordTypes, { error: `must be one of: ${recordTypes.join(', ')}` })),
  userId: idSchema,
  value: z
    .string({ error: oneValue })
    .regex(/^[1-5]$/, 'must be an integer from 1 to 5')
    .transform(Number),
});

/** Body of `GET /rating`: the mean of all votes. */
export const meanSchema = z.number().min(1).max(5);

/** Body of `GET /ratings`: the means of those that have one. */
export const ratingListSchema = listSchema(z.strictObject({ id: idSchema, rating: meanSchema }));

/** Path and query of `GET /rating` for one record. */
export function ratingPath(type: RecordType, id: string): string {
  return `/rating?type=${type}&id=${encodeURIComponent(id)}`;
}

/** Paths of `GET /ratings` that ask for all of these records; see `pathsByIds`. */
export function ratingsPaths(type: RecordType, ids: readonly string[]): string[] {
  return pathsByIds(`/ratings?type=${type}&ids=`, ids);
}
