import type { RequestContext } from '@movies/http-service';
import { UpstreamError } from '@movies/service-client';

/** Only a service that could not be had is something to do without; a mistake of this service is not. */
export function toUpstreamError(error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error;
  throw error;
}

/** What an answer says of itself that had to do without rating; its log line says why. */
export function degraded(why: UpstreamError, context: RequestContext): { degraded: ['rating'] } {
  context.notes['degraded'] = ['rating'];
  context.notes['err'] = why;
  return { degraded: ['rating'] };
}
