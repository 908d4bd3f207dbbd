import path from 'node:path';
import { ServiceDatabase, type Database } from '@movies/database';
import type { ServiceDefinition } from '@movies/http-service';
import { version } from '../package.json';
import { MemoryRatingRepository } from './memory-rating-repository';
import { addRatingRoutes } from './routes';
import { SqlRatingRepository } from './sql-rating-repository';

const name = 'rating';

/** The rating service: votes in this database, else in its own memory. */
export function createRatingService(database?: Database): ServiceDefinition {
  const store =
    database &&
    new ServiceDatabase({
      database,
      schema: name,
      migrationsFolder: path.join(__dirname, 'migrations'),
    });
  const repository = store ? new SqlRatingRepository(store) : new MemoryRatingRepository();
  return {
    name,
    version,
    upstreams: [],
    ...(store && { store }),
    routes: (router) => {
      addRatingRoutes(router, repository);
    },
  };
}
