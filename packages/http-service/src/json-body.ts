import { json } from 'co-body';
import type { Context } from 'koa';
import { RequestError } from './request-error';

const maxBytes = 64 * 1024;

/**
 * The body as JSON, of any shape. Throws `unsupported_media_type`, `payload_too_large` (over 64 KiB, also
 * when it was compressed) or `invalid_input`.
 */
export async function readJsonBody(ctx: Context): Promise<unknown> {
  if (ctx.is('application/json') !== 'application/json') {
    throw new RequestError(
      'unsupported_media_type',
      'the body must be JSON, sent with content-type: application/json',
    );
  }
  try {
    return (await json(ctx.req, { limit: maxBytes, strict: false })) as unknown;
  } catch (cause: unknown) {
    const { status } = cause as { status?: number };
    switch (status) {
      case 413:
        throw new RequestError('payload_too_large', `the body is larger than ${maxBytes} bytes`, {
          cause,
        });
      case 415:
        throw new RequestError('unsupported_media_type', 'the content-encoding is not known', {
          cause,
        });
      case 400:
        throw new RequestError('invalid_input', 'the body is not JSON', {
          cause,
          faults: [{ parameter: 'body', detail: 'is not JSON' }],
        });
      default:
        throw cause;
    }
  }
}
