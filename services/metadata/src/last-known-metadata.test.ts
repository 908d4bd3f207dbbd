import type { Metadata } from '@movies/api';
import { DatabaseError, type QueryOptions } from '@movies/database';
import { LastKnownMetadata } from './last-known-metadata';
import { MemoryMetadataRepository } from './memory-metadata-repository';
import { describeMetadataRepository } from './metadata-repository.contract';

const film = (id: string, title = `Film ${id}`): Metadata => ({
  id,
  title,
  description: 'A film.',
  director: 'Agnès Varda',
});

/** A repository that fails when it is told to, and remembers how long it was given. */
class FailingRepository extends MemoryMetadataRepository {
  failure: Error | undefined;
  readonly given: (number | undefined)[] = [];

  override async get(id: string, options?: QueryOptions): Promise<Metadata | undefined> {
    return (await this.getMany([id], options))[0];
  }

  override async getMany(ids: readonly string[], options?: QueryOptions): Promise<Metadata[]> {
    this.given.push(options?.timeoutMs);
    if (this.failure !== undefined) throw this.failure;
    return super.getMany(ids);
  }
}

const down = new DatabaseError('database_unavailable', 'nobody there');

function open() {
  const below = new FailingRepository([film('1'), film('2'), film('3')]);
  return { below, repository: new LastKnownMetadata(below) };
}

describeMetadataRepository(
  'LastKnownMetadata',
  async () => new LastKnownMetadata(new MemoryMetadataRepository()),
);

it.each([down, new DatabaseError('database_timeout', 'too slow')])(
  'serves what it served before after %p',
  async (failure) => {
    const { below, repository } = open();
    await repository.getMany(['2', '1']);
    await repository.put(film('3', 'New'));
    below.failure = failure;
    expect(await repository.get('1')).toEqual(film('1'));
    expect(await repository.getMany(['3', '2', '3'])).toEqual([film('3', 'New'), film('2')]);
  },
);

it('serves what was found by its title, too', async () => {
  const { below, repository } = open();
  await repository.search({ text: 'film 2', limit: 10 });
  below.failure = down;
  expect(await repository.get('2')).toEqual(film('2'));
});

it('does not make a list of those that it happens to know', async () => {
  const { below, repository } = open();
  await repository.get('1');
  below.failure = down;
  await expect(repository.getMany(['1', '2'])).rejects.toBe(down);
  await expect(repository.get('2')).rejects.toBe(down);
});

it('hides no fault of ours', async () => {
  const { below, repository } = open();
  await repository.get('1');
  below.failure = new DatabaseError('query_failed', 'no such column');
  await expect(repository.get('1')).rejects.toBe(below.failure);
});

it('waits for half of the time where it has something to fall back on, else for all of it', async () => {
  const { below, repository } = open();
  await repository.get('1', { timeoutMs: 1000 });
  await repository.get('1', { timeoutMs: 1000 });
  await repository.getMany(['1', '2'], { timeoutMs: 1000 });
  await repository.get('1');
  expect(below.given).toEqual([1000, 500, 1000, undefined]);
});

it('asks the database as long as that answers', async () => {
  const { below, repository } = open();
  await repository.get('1');
  await below.put(film('1', 'Changed elsewhere'));
  expect(await repository.get('1')).toEqual(film('1', 'Changed elsewhere'));
});
