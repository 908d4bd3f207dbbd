import * as z from 'zod';
import { pathsByIds } from './id-list';
import { idSchema, storable } from './record-id';

const text = (maxLength: number) =>
  storable.min(1, 'must not be empty').max(maxLength, `must be at most ${maxLength} characters`);

/** What a movie is: the body of `GET /metadata`. */
export const metadataSchema = z.strictObject({
  id: idSchema,
  title: text(500),
  description: text(5000),
  director: text(500),
});

/** Body of `PUT /metadata?id=`. The query has the id, so the body need not. */
export const metadataBodySchema = metadataSchema.partial({ id: true });

/** What a movie is. */
export type Metadata = z.infer<typeof metadataSchema>;

/** Path and query of `/metadata` for one id. */
export function metadataPath(id: string): string {
  return `/metadata?id=${encodeURIComponent(id)}`;
}

/** Paths of `/metadata?ids=` that ask for all of these; see `pathsByIds`. */
export function metadataPaths(ids: readonly string[]): string[] {
  return pathsByIds('/metadata?ids=', ids);
}
