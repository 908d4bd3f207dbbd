import type { ServiceClients, ServiceDefinition } from '@movies/http-service';
import type { ServiceClient } from '@movies/service-client';
import { version } from '../package.json';
import { MetadataClient } from './metadata-client';
import { RatingClient } from './rating-client';
import { addMovieRoutes } from './routes';

/** The movie service: joins metadata and rating for a client. */
export function createMovieService(): ServiceDefinition {
  return {
    name: 'movie',
    version,
    upstreams: ['metadata', 'rating'],
    routes: (router, clients) => {
      addMovieRoutes(router, {
        metadata: new MetadataClient(clientOf(clients, 'metadata')),
        rating: new RatingClient(clientOf(clients, 'rating')),
      });
    },
  };
}

function clientOf(clients: ServiceClients, service: string): ServiceClient {
  const client = clients.get(service);
  if (client === undefined) throw new TypeError(`'${service}' is none of the upstreams`);
  return client;
}
