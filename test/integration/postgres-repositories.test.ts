import path from 'node:path';
import { TestDatabase } from '@movies/database/testing';
import { describeMetadataRepository } from '../../services/metadata/src/metadata-repository.contract';
import { SqlMetadataRepository } from '../../services/metadata/src/sql-metadata-repository';
import { describeRatingRepository } from '../../services/rating/src/rating-repository.contract';
import { SqlRatingRepository } from '../../services/rating/src/sql-rating-repository';
import { describeWithPostgres, PostgresServer } from './postgres-server';

const migrationsOf = (service: string) =>
  path.resolve(__dirname, '../../services', service, 'src/migrations');

describeWithPostgres('the repositories on a real PostgreSQL', (programs) => {
  let server: PostgresServer;
  let rating: TestDatabase;
  let metadata: TestDatabase;

  beforeAll(async () => {
    server = await PostgresServer.start(programs);
    // Both in one database, as in a cluster.
    const url = server.createDatabase();
    [rating, metadata] = (await Promise.all(
      ['rating', 'metadata'].map((service) =>
        TestDatabase.open({ service, migrationsFolder: migrationsOf(service), url }),
      ),
    )) as [TestDatabase, TestDatabase];
  });

  afterAll(async () => {
    await Promise.all([rating.close(), metadata.close()]);
    await server.close();
  });

  describeRatingRepository('SqlRatingRepository', async () => {
    await rating.empty('rating.votes', 'rating.tallies');
    return new SqlRatingRepository(rating.database);
  });

  describeMetadataRepository('SqlMetadataRepository', async () => {
    await metadata.empty('metadata.movies');
    return new SqlMetadataRepository(metadata.database);
  });
});
