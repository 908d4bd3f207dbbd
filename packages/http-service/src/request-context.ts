import type { IncomingMessage, ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import {
  Deadline,
  retryAttemptHeader,
  timeoutHeader,
  UpstreamError,
  type ServiceClient,
  type ServiceRequest,
  type ServiceResponse,
} from '@movies/service-client';
import { RequestError } from './request-error';
import type { UpstreamCall } from './upstream-call';

/** Request ids are taken over only in this form: they end up in logs and headers. */
const safeRequestId = /^[\w.:+/=-]{1,128}$/;
/** Passed on as they are, for tracing (https://www.w3.org/TR/trace-context/). */
const traceHeaders = ['traceparent', 'tracestate'];

/** Time kept back, so that an answer made at the last moment still reaches the caller in time. */
const answerMs = 20;

/** What belongs to one request from its first byte to its log line. */
export class RequestContext {
  readonly requestId: string;
  /** Calls to other services, in the order they were made. */
  readonly calls: UpstreamCall[] = [];
  /** What a route wants to see in the request's log line. */
  readonly notes: Record<string, unknown> = {};
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #timeoutMs: number;
  #deadline: Deadline | undefined;
  #abandon: AbortController | undefined;
  #underWay = 0;

  constructor(request: IncomingMessage, response: ServerResponse, timeoutMs: number) {
    this.#request = request;
    this.#response = response;
    this.#timeoutMs = timeoutMs;
    const given = request.headers['x-request-id'];
    this.requestId = typeof given === 'string' && safeRequestId.test(given) ? given : randomUUID();
  }

  /**
   * When the answer is of no use any more: the caller's remainder, or ours if that is less. Throws
   * `deadline_exceeded` if nothing is left, `invalid_input` if the header is no number.
   */
  startDeadline(): void {
    const header = this.#request.headers[timeoutHeader];
    // `Number` takes an empty text for 0.
    const given = header === undefined ? this.#timeoutMs : Number(header === '' ? NaN : header);
    if (Number.isNaN(given)) {
      throw new RequestError('invalid_input', `${timeoutHeader} must be milliseconds`, {
        faults: [{ parameter: timeoutHeader, detail: 'must be milliseconds' }],
      });
    }
    if (given <= 0) {
      throw new RequestError('deadline_exceeded', 'no time was left for this request');
    }
    this.#deadline = Deadline.after(Math.min(given, this.#timeoutMs));
  }

  /**
   * How long a call on behalf of this request may take: what is left of its time, less what the answer needs.
   * 0 or less when that has passed.
   */
  timeLeft(): { readonly timeoutMs: number } {
    return { timeoutMs: (this.#deadline?.remainingMs() ?? this.#timeoutMs) - answerMs };
  }

  /**
   * Calls another service for this request: with what is left of its time less `reserveMs`, by default what the answer
   * needs, with its id, and abandoned when it is.
   */
  async call(
    client: ServiceClient,
    request: Pick<ServiceRequest, 'method' | 'path'>,
    reserveMs = answerMs,
  ): Promise<ServiceResponse> {
    const call: UpstreamCall = { service: client.service, served: undefined, attempts: [] };
    this.calls.push(call);
    this.#underWay += 1;
    const deadline = this.#deadline ?? Deadline.after(this.#timeoutMs);
    try {
      const response = await client.request({
        ...request,
        headers: this.#passedOn(),
        deadline: deadline.earlier(reserveMs),
        signal: this.#signal(),
        isRetry: Number(this.#request.headers[retryAttemptHeader] ?? 0) > 0,
      });
      const { attempts, instance } = response;
      call.attempts = attempts;
      call.served = { by: response.header('x-served-by') ?? instance.id, instance };
      return response;
    } catch (error: unknown) {
      if (error instanceof UpstreamError) call.attempts = error.attempts;
      throw error;
    } finally {
      this.#underWay -= 1;
    }
  }

  /** The request is over: ends the calls that are still under way. */
  abandon(): void {
    if (this.#underWay > 0) this.#abandon?.abort();
  }

  #signal(): AbortSignal {
    if (this.#abandon === undefined) {
      this.#abandon = new AbortController();
      this.#response.once('close', () => {
        this.abandon();
      });
    }
    return this.#abandon.signal;
  }

  #passedOn(): Record<string, string> {
    const headers: Record<string, string> = { 'x-request-id': this.requestId };
    for (const name of traceHeaders) {
      const value = this.#request.headers[name];
      if (typeof value === 'string') headers[name] = value;
    }
    return headers;
  }
}
