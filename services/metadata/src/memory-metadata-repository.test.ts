import { MemoryMetadataRepository } from './memory-metadata-repository';
import { describeMetadataRepository } from './metadata-repository.contract';

describeMetadataRepository('MemoryMetadataRepository', async () => new MemoryMetadataRepository());

const film = { id: '1', title: 'Metropolis', description: 'A city.', director: 'Fritz Lang' };

it('begins with what it is given', async () => {
  expect(await new MemoryMetadataRepository([film]).get('1')).toEqual(film);
});

// A thousand sorts would take a minute.
it('takes a hundred thousand films, one after the other, and pages without sorting them', async () => {
  const repository = new MemoryMetadataRepository();
  for (let i = 0; i < 100_000; i += 1) {
    // 7,919 has no factor in common with 100,000: every number once, in no order.
    const title = String((i * 7919) % 100_000).padStart(6, '0');
    await repository.put({ ...film, id: title, title });
  }
  for (let page = 0; page < 1000; page += 1) {
    const after = { titleKey: String(page * 100).padStart(6, '0'), id: '' };
    const [first] = await repository.search({ text: '', limit: 20, after });
    expect(first?.id).toBe(after.titleKey);
  }
});
