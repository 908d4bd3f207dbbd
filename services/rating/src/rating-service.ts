import type { ServiceDefinition } from '@movies/http-service';
import { version } from '../package.json';
import { MemoryRatingRepository } from './memory-rating-repository';
import { addRatingRoutes } from './routes';

/** The service that knows what users think of a record. */
export function createRatingService(): ServiceDefinition {
  const repository = new MemoryRatingRepository();
  return {
    name: 'rating',
    version,
    upstreams: [],
    routes: (router) => {
      addRatingRoutes(router, repository);
    },
  };
}
