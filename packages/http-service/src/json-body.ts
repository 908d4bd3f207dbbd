import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import type { Context } from 'koa';
import { RequestError } from './request-error';

const maxBytes = 64 * 1024;

/**
 * What a content-encoding needs to be undone. Only on a body that is here whole: co-body, which inflates
 * on the way, waits for ever if the client goes, and ends the process if the data breaks behind its limit.
 */
const decoders = new Map([
  ['gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
]);

/**
 * The body as JSON, of any shape. Throws `unsupported_media_type`, `payload_too_large` (over 64 KiB, also
 * when it was compressed) or `invalid_input`.
 */
export async function readJsonBody({ req, res, request }: Context): Promise<unknown> {
  if (request.is('application/json') !== 'application/json') {
    throw new RequestError(
      'unsupported_media_type',
      'the body must be JSON, sent with content-type: application/json',
    );
  }
  const encoding = req.headers['content-encoding'] ?? 'identity';
  const decoder = decoders.get(encoding);
  if (decoder === undefined && encoding !== 'identity') {
    throw new RequestError('unsupported_media_type', `the content-encoding is not known`);
  }
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  // HTTP/1.0 knows no interim responses.
  if (req.headers.expect !== undefined && req.httpVersion !== '1.0') res.writeContinue();
  const body = await readBody(req);
  const text = decoder === undefined ? body : await decode(decoder, body, encoding);
  try {
    return JSON.parse(text.toString('utf8')) as unknown;
  } catch (cause: unknown) {
    throw invalid('is not JSON', cause);
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // Not destroyed when it is too large: on its socket the answer is still to be sent.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes > maxBytes) throw tooLarge();
    }
  } catch (error: unknown) {
    throw error instanceof RequestError ? error : invalid('ended too early', error);
  }
  return Buffer.concat(chunks);
}

async function decode(
  decoder: (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>,
  body: Buffer,
  encoding: string,
): Promise<Buffer> {
  try {
    return await decoder(body, { maxOutputLength: maxBytes });
  } catch (cause: unknown) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw invalid(`is not ${encoding}`, cause);
  }
}

function tooLarge(): RequestError {
  return new RequestError('payload_too_large', `the body is larger than ${maxBytes} bytes`);
}

function invalid(detail: string, cause: unknown): RequestError {
  return new RequestError('invalid_input', `the body ${detail}`, {
    cause,
    faults: [{ parameter: 'body', detail }],
  });
}
