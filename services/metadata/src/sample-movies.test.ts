import { loadSampleMovies } from './sample-movies';

it('ships 25 films under the ids 1 to 25, no film twice', () => {
  const movies = loadSampleMovies();
  expect(movies.map(({ id }) => id)).toEqual(Array.from({ length: 25 }, (_, i) => String(i + 1)));
  expect(new Set(movies.map(({ title }) => title)).size).toBe(25);
});
