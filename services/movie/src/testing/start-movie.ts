import { StaticRegistry } from '@movies/discovery/static';
import { startService, type RunningService } from '@movies/http-service';
import { testConfig } from '@movies/http-service/testing';
import type { Origin } from '@movies/service-client/testing';
import { createMovieService } from '../movie-service';

export interface MovieUpstreams {
  readonly metadata: Origin;
  readonly rating: Origin;
}

/** Starts movie on these two, with this time for a request. */
export function startMovie(
  { metadata, rating }: MovieUpstreams,
  requestTimeoutMs: number,
): Promise<RunningService> {
  const registry = new StaticRegistry({
    metadata: [metadata.instance()],
    rating: [rating.instance()],
  });
  return startService(
    createMovieService(),
    testConfig({ registry: { registry }, requestTimeoutMs }),
  );
}
