import type { ServiceDefinition } from '@movies/http-service';
import { version } from '../package.json';
import { MemoryMetadataRepository } from './memory-metadata-repository';
import { addMetadataRoutes } from './routes';
import { loadSampleMovies } from './sample-movies';

/** The service that knows what a movie is. */
export function createMetadataService(): ServiceDefinition {
  const repository = new MemoryMetadataRepository(loadSampleMovies());
  return {
    name: 'metadata',
    version,
    upstreams: [],
    routes: (router) => {
      addMetadataRoutes(router, repository);
    },
  };
}
