import path from 'node:path';
import { TestDatabase } from '@movies/database/testing';
import { describeMetadataRepository } from './metadata-repository.contract';
import { addUnknownMovies, SqlMetadataRepository } from './sql-metadata-repository';

let embedded: TestDatabase;

beforeAll(async () => {
  const migrationsFolder = path.join(__dirname, 'migrations');
  embedded = await TestDatabase.open({ service: 'metadata', migrationsFolder });
});

afterAll(() => embedded.close());

const open = async () => {
  await embedded.empty('metadata.movies');
  return new SqlMetadataRepository(embedded.database);
};

describeMetadataRepository('SqlMetadataRepository on PGlite', open);

it('adds the films it is to begin with, and leaves those that are there', async () => {
  const film = (id: string, title: string) => ({ id, title, description: 'A', director: 'B' });
  const repository = await open();
  await repository.put(film('1', 'Mine'));
  await addUnknownMovies(embedded.database, [film('1', 'Yours'), film('2', 'New')]);
  expect(await repository.search({ text: '', limit: 10 })).toEqual([
    film('1', 'Mine'),
    film('2', 'New'),
  ]);
});
