import { metadataBodySchema, metadataPath, metadataSchema } from './metadata';

const film = { id: '1', title: 'Metropolis', description: 'A city.', director: 'Fritz Lang' };

it('takes metadata as it is', () => {
  expect(metadataSchema.parse(film)).toEqual(film);
});

it.each(['id', 'title', 'description', 'director'])(
  'needs %s as text that is not empty',
  (name) => {
    for (const value of [undefined, '', 7, null]) {
      const { error } = metadataSchema.safeParse({ ...film, [name]: value });
      expect(error?.issues.map(({ path }) => path.join())).toEqual([name]);
    }
  },
);

it('needs no id in the body of a PUT, and takes no other liberties with it', () => {
  const { id, ...rest } = film;
  expect(metadataBodySchema.parse(rest)).toEqual(rest);
  expect(metadataBodySchema.parse({ id, ...rest })).toEqual(film);
  for (const body of [
    { ...rest, id: '' },
    { ...rest, id: null },
    { ...rest, year: 1927 },
    { id },
  ]) {
    expect(metadataBodySchema.safeParse(body).success).toBe(false);
  }
});

it('refuses members that it does not know, and text without end', () => {
  expect(metadataSchema.safeParse({ ...film, year: 1927 }).success).toBe(false);
  expect(metadataSchema.safeParse({ ...film, title: 'x'.repeat(501) }).success).toBe(false);
});

it.each(['id', 'title', 'description', 'director'])('needs a %s that can be kept', (name) => {
  for (const text of ['a\0b', '\ud83c', '\udfac\ud83c']) {
    const { error } = metadataSchema.safeParse({ ...film, [name]: text });
    expect(error?.issues.map(({ message }) => message)).toEqual([
      'must not contain NUL or half of a surrogate pair',
    ]);
  }
  expect(metadataSchema.safeParse({ ...film, [name]: '\u{1F3AC}' }).success).toBe(true);
});

it('writes an id into a path so that it comes back whole', () => {
  const url = new URL(metadataPath('a&b=c'), 'http://localhost');
  expect(url.searchParams.get('id')).toBe('a&b=c');
});
