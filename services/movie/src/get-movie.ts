import type { Metadata, MovieDetails } from '@movies/api';
import { RequestError, type RequestContext } from '@movies/http-service';
import { UpstreamError } from '@movies/service-client';
import { degraded, toUpstreamError } from './degraded';
import type { MetadataClient } from './metadata-client';
import type { RatingClient } from './rating-client';

/** Where a movie's parts come from. */
export interface MovieSources {
  readonly metadata: MetadataClient;
  readonly rating: RatingClient;
}

/**
 * Asks both at the same time. Without metadata there is no movie; without a rating there is, and
 * `degraded` says so. A call that is not needed any more ends with the request.
 */
export async function getMovie(
  id: string,
  sources: MovieSources,
  context: RequestContext,
): Promise<MovieDetails> {
  const [metadata, rating] = await Promise.all([
    knownMetadata(id, sources.metadata, context),
    sources.rating.mean(id, context).catch(toUpstreamError),
  ]);
  if (!(rating instanceof UpstreamError)) return { rating: rating ?? null, metadata };
  return { rating: null, metadata, ...degraded(rating, context) };
}

async function knownMetadata(
  id: string,
  source: MetadataClient,
  context: RequestContext,
): Promise<Metadata> {
  const metadata = await source.get(id, context);
  if (metadata === undefined) throw new RequestError('not_found', `there is no movie '${id}'`);
  return metadata;
}
