import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';

export type RequestBody = NonNullable<Dispatcher.DispatchOptions['body']> | null;

/** Streams of at most so many bytes are read before they are sent, so that they can be sent again. */
const maxBufferedBytes = 64 * 1024;

/** Whether a body can be sent twice as it is. */
export function isReplayable(body: unknown): boolean {
  return (
    body === null || body === undefined || typeof body === 'string' || ArrayBuffer.isView(body)
  );
}

/**
 * Reads a stream whose length is given and small; any other body is given back as it is. `fetch` makes a stream of each
 * body, also of a text, and tells its length. Rejects with the reason of `signal` when it aborts first.
 */
export async function bufferSmallBody(
  body: RequestBody,
  contentLength: string | undefined,
  signal: AbortSignal,
): Promise<RequestBody> {
  if (isReplayable(body) || !isAsyncIterable(body)) return body;
  if (!isSmall(contentLength)) return body;
  signal.throwIfAborted();
  const aborted = new Promise<never>((_resolve, reject) => {
    const abort = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
  });
  return Promise.race([readAll(body, Number(contentLength)), aborted]);
}

/** The same body; `onError` hears when the stream that gives it fails: the fault of no server. */
export function watchBody(body: RequestBody, onError: (error: Error) => void): RequestBody {
  if (body instanceof Readable) {
    body.once('error', onError);
    return body;
  }
  // undici takes any iterable, which its types do not tell.
  return isAsyncIterable(body) ? (relay(body, onError) as unknown as RequestBody) : body;
}

async function* relay(body: AsyncIterable<unknown>, onError: (error: Error) => void) {
  try {
    yield* body;
  } catch (error: unknown) {
    onError(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

async function readAll(body: AsyncIterable<unknown>, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    const piece = typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk as Uint8Array);
    chunks.push(piece);
    bytes += piece.length;
    // undici refuses what is longer than it says, and an endless one would fill the memory.
    if (bytes > length) break;
  }
  return Buffer.concat(chunks);
}

function isSmall(contentLength: string | undefined): boolean {
  return /^\d+$/.test(contentLength ?? '') && Number(contentLength) <= maxBufferedBytes;
}

function isAsyncIterable(body: unknown): body is AsyncIterable<unknown> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}
