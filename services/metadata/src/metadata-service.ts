import path from 'node:path';
import { ServiceDatabase, type Database } from '@movies/database';
import type { ServiceDefinition } from '@movies/http-service';
import { version } from '../package.json';
import { LastKnownMetadata } from './last-known-metadata';
import { MemoryMetadataRepository } from './memory-metadata-repository';
import { addMetadataRoutes } from './routes';
import { loadSampleMovies } from './sample-movies';
import { addUnknownMovies, SqlMetadataRepository } from './sql-metadata-repository';

const name = 'metadata';

/** The metadata service: movies in this database, else in its own memory. */
export function createMetadataService(database?: Database): ServiceDefinition {
  const samples = loadSampleMovies();
  const store =
    database &&
    new ServiceDatabase({
      database,
      schema: name,
      migrationsFolder: path.join(__dirname, 'migrations'),
      seed: (queryable) => addUnknownMovies(queryable, samples),
    });
  const repository = store
    ? new LastKnownMetadata(new SqlMetadataRepository(store))
    : new MemoryMetadataRepository(samples);
  return {
    name,
    version,
    upstreams: [],
    ...(store && { store }),
    routes: (router) => {
      addMetadataRoutes(router, repository);
    },
  };
}
