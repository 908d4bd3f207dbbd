import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { vegaFilmSchema } from './vega-film';

const alien = {
  Title: 'Alien',
  'US Gross': 80930630,
  'Release Date': 'May 25 1979',
  'MPAA Rating': 'R',
  'Running Time min': 117,
  Distributor: '20th Century Fox',
  Source: 'Original Screenplay',
  'Major Genre': 'Horror',
  Director: 'Ridley Scott',
  'Rotten Tomatoes Rating': 97,
  'IMDB Rating': 8.5,
};

function faultsOf(record: unknown): string[] {
  const { error } = vegaFilmSchema.safeParse(record);
  return (error?.issues ?? []).map(({ path: at, message }) => `${at.join('.')} ${message}`);
}

it('describes a film by what is known of it', () => {
  expect(vegaFilmSchema.parse(alien)).toEqual({
    id: 'vega-2fe2125e24e6f4b8',
    title: 'Alien',
    description:
      'Horror, 117 minutes. Released on May 25 1979 by 20th Century Fox. ' +
      'Ratings: MPAA R, IMDB 8.5, Rotten Tomatoes 97.',
    director: 'Ridley Scott',
  });
});

it.each([
  [{ 'Major Genre': 'Horror' }, 'Horror.'],
  [{ 'Running Time min': 117 }, '117 minutes.'],
  [{ Distributor: 'Fox' }, 'Released by Fox.'],
  [
    { 'Release Date': 'May 25 1979', 'IMDB Rating': 8 },
    'Released on May 25 1979. Ratings: IMDB 8.',
  ],
])('says nothing that is not there: %j', (known, description) => {
  const record = { Title: 'Alien', Director: 'Ridley Scott', Distributor: null, ...known };
  expect(vegaFilmSchema.parse(record).description).toBe(description);
});

it('makes text of a title that is a number, and the same id for it', () => {
  const number = vegaFilmSchema.parse({ ...alien, Title: 300 });
  expect(number.title).toBe('300');
  expect(vegaFilmSchema.parse({ ...alien, Title: '300' })).toEqual(number);
});

it('gives another id for another title, director or release date, and for nothing else', () => {
  const { id } = vegaFilmSchema.parse(alien);
  for (const change of [
    { Title: 'Aliens' },
    { Director: 'James Cameron' },
    { 'Release Date': null },
  ]) {
    expect(vegaFilmSchema.parse({ ...alien, ...change }).id).not.toBe(id);
  }
  expect(vegaFilmSchema.parse({ ...alien, 'IMDB Rating': 1, Distributor: null }).id).toBe(id);
});

it('refuses a film without title, director or any fact, and names all that is missing', () => {
  expect(faultsOf({ ...alien, Director: null, Title: null })).toEqual([
    'Title is missing',
    'Director is missing',
  ]);
  expect(faultsOf({ ...alien, Director: '' })).toEqual(['director must not be empty']);
  expect(faultsOf({ Title: 'Alien', Director: 'Ridley Scott' })).toContain(
    ' has nothing to describe the film by',
  );
  expect(faultsOf([])).toHaveLength(1);
});

it('makes 1,870 films of the 3,201 of vega-datasets, no two with one id, and invents no director', async () => {
  // Read by its path: the package's exports hide it.
  const file = path.resolve(__dirname, '../../../../node_modules/vega-datasets/data/movies.json');
  const records = JSON.parse(await readFile(file, 'utf8')) as { Director: unknown }[];
  expect(records).toHaveLength(3201);
  const parsed = records.map((record) => vegaFilmSchema.safeParse(record));
  const films = parsed.flatMap(({ data }) => data ?? []);
  expect(films).toHaveLength(1870);
  expect(new Set(films.map(({ id }) => id)).size).toBe(1870);
  expect(records.filter(({ Director }) => Director === null)).toHaveLength(1331);
  for (const [index, { error }] of parsed.entries()) {
    const faults = error?.issues.map(({ path: at }) => at.join('.')) ?? [];
    expect(faults.includes('Director')).toBe(records[index]?.Director === null);
  }
});
