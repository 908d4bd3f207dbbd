import type { Socket } from 'node:net';
import type { DiscardLimits } from './lingering-response';
import { problemOfStatus } from './problem';

/** Answers what never became a request: too large a header, too slow, not HTTP. */
export class Refusal {
  readonly #maxHeaderBytes: number;
  readonly #limits: DiscardLimits;
  /** Sockets with a refusal on them, and how much was read from each until then. */
  readonly #refused = new WeakMap<Socket, number>();

  constructor(maxHeaderBytes: number, limits: DiscardLimits) {
    this.#maxHeaderBytes = maxHeaderBytes;
    this.#limits = limits;
  }

  /**
   * Answers on `socket`, unless a response is on its way there already, and closes it. What still comes is read and
   * discarded first, within limits: the client would get a reset in place of the answer.
   */
  refuse({ code }: NodeJS.ErrnoException, socket: Socket, isAnswered: boolean): void {
    const readBefore = this.#refused.get(socket);
    if (readBefore !== undefined) {
      // Node's parser says the same again for each piece that comes after the first.
      if (socket.bytesRead - readBefore > this.#limits.discardBytes) socket.destroy();
      return;
    }
    if (!socket.writable || code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    this.#refused.set(socket, socket.bytesRead);
    const timer = setTimeout(() => socket.destroy(), this.#limits.discardMs);
    socket.once('close', () => {
      clearTimeout(timer);
    });
    if (!isAnswered) socket.end(this.#answerTo(code));
  }

  #answerTo(code: string | undefined): string {
    const problem = problemOfStatus(...this.#statusOf(code));
    const body = JSON.stringify(problem);
    const head = [
      `HTTP/1.1 ${problem.status} ${problem.title}`,
      'content-type: application/problem+json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
    ];
    return `${head.join('\r\n')}\r\n\r\n${body}`;
  }

  #statusOf(code: string | undefined): [status: number, detail: string] {
    switch (code) {
      case 'HPE_HEADER_OVERFLOW':
        return [431, `the headers are larger than ${this.#maxHeaderBytes} bytes`];
      case 'ERR_HTTP_REQUEST_TIMEOUT':
        return [408, 'the request was not complete in time'];
      default:
        return [400, 'this is not an HTTP request'];
    }
  }
}
