import { ServerResponse } from 'node:http';

/** How much of a request is read and discarded after its response, and for how long. */
export interface DiscardLimits {
  /** 8 MiB by default. */
  readonly discardBytes: number;
  /** 5,000 by default. */
  readonly discardMs: number;
}

export const defaultDiscardLimits: DiscardLimits = {
  discardBytes: 8 * 1024 * 1024,
  discardMs: 5000,
};

type Callback = () => void;

/**
 * A response that may be made before the request's body is here. A connection that is closed with unread data in it is
 * reset, and a client that still sends then loses the response. So the whole response is sent, the rest of the body is
 * read and discarded within limits, and only then the response ends, and with it the connection if that is to close
 * (RFC 9112, section 9.6; lingering_close in nginx).
 */
export class LingeringResponse extends ServerResponse {
  limits = defaultDiscardLimits;
  #isLingering = false;

  override end(callback?: Callback): this;
  override end(chunk: unknown, callback?: Callback): this;
  override end(chunk: unknown, encoding: BufferEncoding, callback?: Callback): this;
  override end(...args: [unknown?, (BufferEncoding | Callback)?, Callback?]): this {
    if (this.#isLingering) return this;
    const [chunk] = args;
    if (
      args.length > 1 ||
      !isContent(chunk) ||
      !this.#isBodyUnderWay() ||
      !this.#saysItsLength(chunk)
    ) {
      return super.end(...(args as [unknown, BufferEncoding, Callback?]));
    }
    this.#isLingering = true;
    this.flushHeaders();
    if (chunk !== undefined) this.write(chunk);
    this.#discardBody();
    return this;
  }

  #isBodyUnderWay(): boolean {
    const { complete, destroyed, headers } = this.req;
    const hasBody =
      headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
    return hasBody && !complete && !destroyed;
  }

  /** Whether the headers tell where the response ends; they are completed if they are not sent yet. */
  #saysItsLength(chunk: string | Uint8Array | undefined): boolean {
    if (this.headersSent) return this.hasHeader('content-length');
    if (this.hasHeader('transfer-encoding')) return false;
    if (!this.hasHeader('content-length') && ![204, 304].includes(this.statusCode)) {
      this.setHeader('content-length', Buffer.byteLength(chunk ?? ''));
    }
    const length = Number(this.req.headers['content-length'] ?? Infinity);
    if (length > this.limits.discardBytes) this.setHeader('connection', 'close');
    return true;
  }

  #discardBody(): void {
    const { req, socket, limits } = this;
    let bytes = 0;
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > limits.discardBytes) giveUp();
    };
    const stop = () => {
      clearTimeout(timer);
      req.off('data', onData).off('close', stop);
      super.end();
    };
    const giveUp = () => {
      stop();
      socket?.destroySoon();
    };
    const timer = setTimeout(giveUp, limits.discardMs);
    // A request closes when its body has ended, and when its connection is gone.
    req.on('data', onData).once('close', stop);
    req.resume();
  }
}

/** What a response may end with here: UTF-8, bytes, or nothing. */
function isContent(chunk: unknown): chunk is string | Uint8Array | undefined {
  return chunk === undefined || typeof chunk === 'string' || chunk instanceof Uint8Array;
}
