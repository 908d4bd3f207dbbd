import type * as z from 'zod';
import { RequestError, type InputFault } from './request-error';

/** Checks what a client sent; throws `invalid_input` that names every fault. */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw invalidInput(faultsOf(parsed.error));
}

/** Checks query and body of a request; the faults of both are named in one error. */
export function parseQueryAndBody<Q, B>(
  query: { readonly schema: z.ZodType<Q>; readonly input: unknown },
  body: { readonly schema: z.ZodType<B>; readonly input: unknown },
): { readonly query: Q; readonly body: B } {
  const parsedQuery = query.schema.safeParse(query.input);
  const parsedBody = body.schema.safeParse(body.input);
  if (parsedQuery.success && parsedBody.success) {
    return { query: parsedQuery.data, body: parsedBody.data };
  }
  throw invalidInput([...faultsOf(parsedQuery.error), ...faultsOf(parsedBody.error)]);
}

function faultsOf(error: z.ZodError | undefined): InputFault[] {
  return (error?.issues ?? []).flatMap((issue): InputFault[] => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ parameter: key, detail: 'is not known' }));
    }
    return [{ parameter: issue.path.join('.') || 'body', detail: issue.message }];
  });
}

function invalidInput(faults: readonly InputFault[]): RequestError {
  const message = faults.map(({ parameter, detail }) => `${parameter} ${detail}`).join('; ');
  return new RequestError('invalid_input', message, { faults });
}
