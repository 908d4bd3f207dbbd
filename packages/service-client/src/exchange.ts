import type { Clock } from '@movies/time';
import { errors, type Dispatcher } from 'undici';
import type { AttemptOutcome } from './attempt';
import type { ResponseHead, ResponseHeaders } from './classify';

/** A response, or why there is none. `Body` is what the exchange makes of the body. */
export type ExchangeResult<Body> =
  | (ResponseHead & { readonly kind: 'response'; readonly body: Body })
  | {
      readonly kind: 'failure';
      readonly outcome: FailureOutcome;
      readonly error: Error;
      /** Whether anything may have reached the server. */
      readonly sent: boolean;
      /** Whether the response had begun. */
      readonly answering: boolean;
    };

type FailureOutcome = Exclude<AttemptOutcome, 'ok' | 'failed' | 'overloaded' | 'unavailable'>;

/** An attempt that was given up may still end by itself for so long: its connection then lives on. */
const graceMs = 50;

/** undici's errors for a request that cannot be sent to any server. */
const requestFaults = [
  errors.InvalidArgumentError,
  errors.NotSupportedError,
  errors.RequestContentLengthMismatchError,
];

/** What this process lacks or ends, and no server. */
const localCodes = new Set([
  'EMFILE',
  'ENFILE',
  'EADDRNOTAVAIL',
  'ENOBUFS',
  'ENOMEM',
  'EAI_AGAIN',
  // The limit for a silent body, and the end of the connections to an instance, are this process's too.
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_DESTROYED',
]);

/**
 * One request on one connection, as undici's handler. On `dispatch` and not `request`, since only that tells whether a
 * request has left. A subclass says what becomes of the body and when the result is known.
 */
export abstract class Exchange<Body = unknown> implements Dispatcher.DispatchHandler {
  /** Called once with the result, before `over`. */
  ended: (result: ExchangeResult<Body>) => void = () => undefined;
  /** Called instead of `ended` for a request that no server could be sent: the caller's fault. */
  refuse: (error: Error) => void = () => undefined;
  /** Called instead when the response breaks off after its result was known; before `over`. */
  brokeOff: (error: Error) => void = () => undefined;
  /** Called instead when there turns out to be no connection after the request was given up; before `over`. */
  unreachable: (error: Error) => void = () => undefined;
  /** Called once, when the connection is needed no more. */
  over: () => void = () => undefined;
  readonly #clock: Clock;
  #beganAt: number | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #cancelled: Error | undefined;
  #isSettled = false;
  #isOver = false;
  #cancelGrace: () => void = () => undefined;
  #status = 0;
  #headers: ResponseHeaders = {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds since there was a connection for it; 0 while it waits for one. */
  get durationMs(): number {
    return this.#beganAt === undefined ? 0 : this.#clock.now() - this.#beganAt;
  }

  /** Whether the connection is needed no more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** There is a connection for it. */
  begin(): void {
    this.#beganAt = this.#clock.now();
  }

  /**
   * Settles the result at once, or drops the rest of a response whose result is known. What is under way has a moment to
   * end by itself, so that a caller that gives up does not cost a connection; `atOnce` breaks the connection.
   */
  cancel(outcome: FailureOutcome, error: Error, atOnce = false): void {
    if (this.#cancelled !== undefined || this.#isOver) return;
    this.#cancelled = error;
    this.#fail(outcome, error);
    if (this.#beganAt === undefined) this.end();
    else if (atOnce) this.#controller?.abort(error);
    else if (this.#controller !== undefined) {
      this.#controller.resume();
      this.#cancelGrace = this.#clock.schedule(graceMs, () => this.#controller?.abort(error), true);
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Given up while the connection was made: undici takes no request back before it starts.
    if (this.#cancelled !== undefined) controller.abort(this.#cancelled);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
  ): void {
    this.#status = status;
    this.#headers = headers;
    // Informational responses come before the response (RFC 9110, 15.2).
    if (status >= 200 && !this.#isSettled) this.begun({ status, headers }, controller);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#cancelled === undefined) this.data(chunk, controller);
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: ResponseHeaders): void {
    if (this.#cancelled === undefined)
      this.finished({ status: this.#status, headers: this.#headers }, trailers);
    this.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const breaksOff = this.#isSettled && this.#cancelled === undefined;
    if (this.#cancelled === undefined) this.broken(error);
    if (requestFaults.some((fault) => error instanceof fault) && !this.#isSettled) {
      this.#isSettled = true;
      this.refuse(error);
    } else this.#fail(outcomeOf(error, this.#controller !== undefined), error);
    const wasNeverSent = this.#cancelled !== undefined && this.#controller === undefined;
    if (breaksOff && !isLocal(error)) this.brokeOff(error);
    if (wasNeverSent && !isLocal(error)) this.unreachable(error);
    this.end();
  }

  /** Whether it was given up. */
  protected get isCancelled(): boolean {
    return this.#cancelled !== undefined;
  }

  /** The head of the response is there. */
  protected abstract begun(head: ResponseHead, controller: Dispatcher.DispatchController): void;
  /** A piece of the body is there. */
  protected abstract data(chunk: Buffer, controller: Dispatcher.DispatchController): void;
  /** The response has ended. */
  protected abstract finished(head: ResponseHead, trailers: ResponseHeaders): void;
  /** The connection broke, or was never made. */
  protected abstract broken(error: Error): void;

  protected settle(result: ExchangeResult<Body>): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.ended(result);
  }

  /** The connection is needed no more. */
  protected end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelGrace();
    this.over();
  }

  #fail(outcome: FailureOutcome, error: Error): void {
    const sent = this.#controller !== undefined;
    this.settle({ kind: 'failure', outcome, error, sent, answering: this.#status >= 200 });
  }
}

/** Reads the whole body, at most `maxBodyBytes`; the result is known when the response has ended. */
export class WholeExchange extends Exchange<Buffer> {
  readonly #maxBodyBytes: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(clock: Clock, maxBodyBytes: number) {
    super(clock);
    this.#maxBodyBytes = maxBodyBytes;
  }

  protected begun(): void {
    // Known when it has ended.
  }

  protected data(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBodyBytes) {
      const error = new Error(`the response is larger than ${this.#maxBodyBytes} bytes`);
      this.cancel('too_large', error, true);
      return;
    }
    this.#chunks.push(chunk);
  }

  protected finished({ status, headers }: ResponseHead): void {
    const [first, second] = this.#chunks;
    const body = first !== undefined && second === undefined ? first : Buffer.concat(this.#chunks);
    this.settle({ kind: 'response', status, headers, body });
  }

  protected broken(): void {
    // The result says so.
  }
}

/** What fails before the request has started is the connection. */
function outcomeOf(error: Error, started: boolean): FailureOutcome {
  if (isLocal(error)) return 'local';
  const isNotHttp =
    error instanceof errors.HTTPParserError || error instanceof errors.HeadersOverflowError;
  if (isNotHttp) return 'bad_response';
  return started ? 'reset' : 'refused';
}

/** Of several addresses of one name each has an error of its own. */
function isLocal(error: Error): boolean {
  const each: unknown[] = error instanceof AggregateError ? error.errors : [error];
  return each.some((one) => localCodes.has(String((one as NodeJS.ErrnoException).code)));
}
