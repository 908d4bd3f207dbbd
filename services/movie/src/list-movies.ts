import type { MovieList, SearchQuery } from '@movies/api';
import type { RequestContext } from '@movies/http-service';
import { UpstreamError } from '@movies/service-client';
import { degraded, toUpstreamError } from './degraded';
import type { MovieSources } from './get-movie';

/**
 * A page of movies: one call to metadata, then one to rating for all that are on it; none for an empty
 * page. Without ratings the page is there all the same, and `degraded` says so.
 */
export async function listMovies(
  query: SearchQuery,
  sources: MovieSources,
  context: RequestContext,
): Promise<MovieList> {
  const { items, nextCursor } = await sources.metadata.search(query, context);
  const ids = items.map(({ id }) => id);
  const means = await sources.rating.means(ids, context).catch(toUpstreamError);
  if (means instanceof UpstreamError) {
    const movies = items.map((metadata) => ({ rating: null, metadata }));
    return { items: movies, nextCursor, ...degraded(means, context) };
  }
  const movies = items.map((metadata) => ({ rating: means.get(metadata.id) ?? null, metadata }));
  return { items: movies, nextCursor };
}
