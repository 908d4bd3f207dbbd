import * as z from 'zod';
import { maxListLength } from './list';
import { idSchema, oneValue } from './record-id';

/** Longer paths meet proxies and servers that refuse them. */
const maxPathLength = 8 * 1024;

/**
 * `?ids=1,2,3`: 1 to 100 ids, each once in what comes out. A comma or percent sign that belongs to an id is
 * percent-encoded once more, or it could not be told from one that separates.
 */
export const idsSchema = z
  .string({ error: oneValue })
  .min(1, 'must not be empty')
  .transform((text, context): readonly string[] => {
    const parts = text.split(',');
    const fault = (message: string) => {
      context.addIssue({ code: 'custom', message });
    };
    if (parts.length > maxListLength) {
      fault(`must be at most ${maxListLength} ids, and are ${parts.length}`);
      return z.NEVER;
    }
    const ids = parts.map((part, index) => {
      const id = decode(part);
      const parsed = idSchema.safeParse(id);
      if (id === undefined) {
        fault(
          `item ${index + 1} is not percent-encoded: write a % inside an id as %25, a comma as %2C`,
        );
      } else if (!parsed.success) {
        for (const { message } of parsed.error.issues) fault(`item ${index + 1} ${message}`);
      }
      return id ?? '';
    });
    return [...new Set(ids)];
  });

/** What a service is asked for by `?ids=`, and by nothing else. */
export const byIdsQuery = z.object({
  id: z.undefined('must not be given together with ids').optional(),
  ids: idsSchema,
});

/**
 * Paths that ask for all of `ids`, in their order: one, unless there are more than 100 or it would be longer
 * than 8 KiB. `start` is the path up to and including `ids=`.
 */
export function pathsByIds(start: string, ids: readonly string[]): string[] {
  const paths: string[] = [];
  let path = '';
  let count = 0;
  for (const id of ids) {
    const part = encodeURIComponent(id.replace(/[%,]/g, encodeURIComponent));
    if (count > 0 && count < maxListLength && path.length + 1 + part.length <= maxPathLength) {
      path += `,${part}`;
      count += 1;
    } else {
      if (count > 0) paths.push(path);
      path = start + part;
      count = 1;
    }
  }
  if (count > 0) paths.push(path);
  return paths;
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
