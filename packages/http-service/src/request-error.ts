/** What is wrong with a request, or with what it asks for. */
export type RequestErrorCode =
  | 'invalid_input'
  | 'not_found'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'deadline_exceeded';

/** One fault of an input: where it is, and what was expected. */
export interface InputFault {
  readonly parameter: string;
  readonly detail: string;
}

/** The error that a route throws to refuse a request; `problem.ts` knows its status. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: RequestErrorCode;
  readonly faults: readonly InputFault[];

  constructor(
    code: RequestErrorCode,
    message: string,
    options: ErrorOptions & { readonly faults?: readonly InputFault[] } = {},
  ) {
    super(message, options);
    this.code = code;
    this.faults = options.faults ?? [];
  }
}
