import type { z } from 'zod';
import { RequestError } from './request-error';

/** Checks what a client sent; throws `invalid_input` that names every fault. */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap((issue) => {
    const path = issue.path.join('.');
    if (issue.code !== 'unrecognized_keys')
      return { parameter: path || 'body', detail: issue.message };
    return issue.keys.map((key) => ({ parameter: key, detail: 'is not known' }));
  });
  const message = faults.map(({ parameter, detail }) => `${parameter} ${detail}`).join('; ');
  throw new RequestError('invalid_input', message, { faults });
}
