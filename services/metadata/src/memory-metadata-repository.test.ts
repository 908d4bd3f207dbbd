import { MemoryMetadataRepository } from './memory-metadata-repository';
import { describeMetadataRepository } from './metadata-repository.contract';

describeMetadataRepository('MemoryMetadataRepository', async () => new MemoryMetadataRepository());

it('begins with what it is given', async () => {
  const film = { id: '1', title: 'Metropolis', description: 'A city.', director: 'Fritz Lang' };
  expect(await new MemoryMetadataRepository([film]).get('1')).toEqual(film);
});
