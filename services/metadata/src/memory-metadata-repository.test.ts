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

it('gives those of several that it knows, in the order asked for, each once', async () => {
  const repository = new MemoryMetadataRepository([film, { ...film, id: '2' }]);
  const found = await repository.getMany(['2', 'nobody', '1', '2']);
  expect(found.map(({ id }) => id)).toEqual(['2', '1']);
});

describe('search', () => {
  const named = (...titles: string[]) =>
    new MemoryMetadataRepository(titles.map((title, i) => ({ ...film, id: String(i), title })));
  const titles = async (repository: MemoryMetadataRepository, text = '') =>
    (await repository.search({ text, limit: 10 })).map(({ title }) => title);

  it('orders by title key and id, each by code point', async () => {
    const repository = named('b', 'ﬃ', '🎬', '\ue000', 'É', 'a', 'A');
    expect(await titles(repository)).toEqual(['a', 'A', 'b', 'É', 'ﬃ', '\ue000', '🎬']);
  });

  it('finds a text anywhere in a title, both normalised', async () => {
    const repository = named('Amélie', 'Same old song', 'Alien');
    expect(await titles(repository, ' AMÉ')).toEqual(['Amélie', 'Same old song']);
  });

  it('begins behind a position, also where that film is gone', async () => {
    const repository = named('a', 'b', 'c');
    const behind = async (titleKey: string, id: string) =>
      (await repository.search({ text: '', limit: 10, after: { titleKey, id } })).map(
        ({ title }) => title,
      );
    expect(await behind('b', '1')).toEqual(['c']);
    expect(await behind('b', '0')).toEqual(['b', 'c']);
    expect(await behind('aa', '9')).toEqual(['b', 'c']);
    expect(await behind('c', '2')).toEqual([]);
  });

  it('gives no more than the limit', async () => {
    const found = await named('a', 'b', 'c').search({ text: '', limit: 2 });
    expect(found.map(({ title }) => title)).toEqual(['a', 'b']);
  });

  it('finds a film under its present title only', async () => {
    const repository = named('a', 'b', 'c');
    await repository.put({ ...film, id: '0', title: 'd' });
    await repository.put({ ...film, id: '1', title: 'B', description: 'Another.' });
    await repository.put({ ...film, id: '3', title: 'bb' });
    expect(await titles(repository)).toEqual(['B', 'bb', 'c', 'd']);
    expect(await titles(repository, 'a')).toEqual([]);
  });

  it('takes a hundred thousand films, one after the other, and pages without sorting them', async () => {
    const repository = new MemoryMetadataRepository();
    for (let i = 0; i < 100_000; i += 1) {
      // 7,919 has no factor in common with 100,000: every number once, in no order.
      const title = String((i * 7919) % 100_000).padStart(6, '0');
      await repository.put({ ...film, id: title, title });
    }
    const startedAt = performance.now();
    for (let page = 0; page < 1000; page += 1) {
      const after = { titleKey: String(page * 100).padStart(6, '0'), id: '' };
      const [first] = await repository.search({ text: '', limit: 20, after });
      expect(first?.id).toBe(after.titleKey);
    }
    // A thousand sorts would take a minute.
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });
});
