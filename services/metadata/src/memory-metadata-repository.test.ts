import { MemoryMetadataRepository } from './memory-metadata-repository';

const film = { id: '1', title: 'Metropolis', description: 'A city.', director: 'Fritz Lang' };

it('knows what it was given, and nothing else', async () => {
  const repository = new MemoryMetadataRepository([film]);
  expect(await repository.get('1')).toEqual(film);
  expect(await repository.get('2')).toBeUndefined();
});

it('adds and replaces', async () => {
  const repository = new MemoryMetadataRepository([film]);
  await repository.put({ ...film, title: 'Metropolis (restored)' });
  await repository.put({ ...film, id: '2' });
  expect((await repository.get('1'))?.title).toBe('Metropolis (restored)');
  expect((await repository.get('2'))?.title).toBe('Metropolis');
});
