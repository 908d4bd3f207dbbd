import { errors, type Dispatcher } from 'undici';
import type { AttemptOutcome } from './attempt';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

export interface SendRequest {
  readonly method: Dispatcher.HttpMethod;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | Buffer | null;
}

/** A whole answer, or why there is none. */
export type SendResult =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Headers;
      readonly body: Buffer;
    }
  | {
      readonly kind: 'failure';
      readonly outcome: Extract<
        AttemptOutcome,
        'refused' | 'reset' | 'timeout' | 'bad_response' | 'aborted'
      >;
      readonly error: Error;
      /** Whether anything may have reached the server. */
      readonly sent: boolean;
      /** Whether the answer had begun. */
      readonly answering: boolean;
    };

/** A request under way. `result` rejects only for a request that no server could be sent: a caller's fault. */
export interface Sending {
  readonly result: Promise<SendResult>;
  /** Settles `result` at once, also while a connection is still being made. */
  cancel(outcome: 'timeout' | 'aborted', error: Error): void;
}

/** undici's errors for a request that cannot be sent to anybody. */
const requestFaults = [
  errors.InvalidArgumentError,
  errors.NotSupportedError,
  errors.RequestContentLengthMismatchError,
];

/**
 * Sends one request over undici and reads the body, at most `maxBodyBytes`. On `dispatch` and not
 * `request`, since only that tells whether a request has left, and it makes no stream to be read again.
 */
export function send(dispatcher: Dispatcher, request: SendRequest, maxBodyBytes: number): Sending {
  const exchange = new Exchange(maxBodyBytes);
  dispatcher.dispatch(request, exchange);
  return exchange;
}

class Exchange implements Dispatcher.DispatchHandler, Sending {
  readonly result: Promise<SendResult>;
  readonly #maxBodyBytes: number;
  #settle: (result: SendResult) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #cancelled: Error | undefined;
  #status = 0;
  #headers: Headers = {};
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(maxBodyBytes: number) {
    this.#maxBodyBytes = maxBodyBytes;
    this.result = new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#reject = reject;
    });
  }

  cancel(outcome: 'timeout' | 'aborted' | 'bad_response', error: Error): void {
    if (this.#cancelled !== undefined) return;
    this.#cancelled = error;
    this.#fail(outcome, error);
    this.#controller?.abort(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Cancelled while it waited for a connection: undici takes no request back before it starts.
    if (this.#cancelled !== undefined) controller.abort(this.#cancelled);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Headers,
  ): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBodyBytes) {
      const error = new Error(`the answer is larger than ${this.#maxBodyBytes} bytes`);
      this.cancel('bad_response', error);
      return;
    }
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const [first, second] = this.#chunks;
    const body = first !== undefined && second === undefined ? first : Buffer.concat(this.#chunks);
    this.#settle({ kind: 'answer', status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (requestFaults.some((fault) => error instanceof fault)) this.#reject(error);
    else this.#fail(outcomeOf(error, this.#controller !== undefined), error);
  }

  #fail(outcome: Extract<SendResult, { kind: 'failure' }>['outcome'], error: Error): void {
    this.#settle({
      kind: 'failure',
      outcome,
      error,
      sent: this.#controller !== undefined,
      answering: this.#status >= 200,
    });
  }
}

/** What fails before the request has started is the connection. */
function outcomeOf(error: Error, started: boolean): 'refused' | 'reset' | 'bad_response' {
  const isNotHttp =
    error instanceof errors.HTTPParserError || error instanceof errors.HeadersOverflowError;
  if (isNotHttp) return 'bad_response';
  return started ? 'reset' : 'refused';
}
