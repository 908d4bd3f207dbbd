import { createHash } from 'node:crypto';
import { metadataSchema } from '@movies/api';
import * as z from 'zod';

const missing = ({ input }: { readonly input?: unknown }) =>
  input === undefined || input === null ? 'is missing' : 'must be text';

const record = z.object({
  // `1941`, `300`: some are numbers there.
  Title: z.union([z.string(), z.number()], { error: missing }).transform(String),
  Director: z.string({ error: missing }),
  'Release Date': z.string().nullish(),
  Distributor: z.string().nullish(),
  'Major Genre': z.string().nullish(),
  'Running Time min': z.number().nullish(),
  'MPAA Rating': z.string().nullish(),
  'IMDB Rating': z.number().nullish(),
  'Rotten Tomatoes Rating': z.number().nullish(),
});

type VegaRecord = z.infer<typeof record>;

/**
 * A film of `movies.json` of the npm package vega-datasets. It has neither ids nor descriptions: the id is made
 * of what tells two films apart, the description of what else is known, and of nothing that is not.
 */
export const vegaFilmSchema = record
  .transform((film, context) => {
    const description = describe(film);
    if (description === '') {
      context.addIssue({ code: 'custom', message: 'has nothing to describe the film by' });
    }
    return { id: idOf(film), title: film.Title, description, director: film.Director };
  })
  .pipe(metadataSchema);

function idOf(film: VegaRecord): string {
  const identity = JSON.stringify([film.Title, film.Director, film['Release Date'] ?? null]);
  return `vega-${createHash('sha256').update(identity).digest('hex').slice(0, 16)}`;
}

function describe(film: VegaRecord): string {
  const kind = facts([film['Major Genre']], [film['Running Time min'], 'minutes']).join(', ');
  const release = facts(['on', film['Release Date']], ['by', film.Distributor]).join(' ');
  const ratings = facts(
    ['MPAA', film['MPAA Rating']],
    ['IMDB', film['IMDB Rating']],
    ['Rotten Tomatoes', film['Rotten Tomatoes Rating']],
  ).join(', ');
  return facts([kind], ['Released', release], ['Ratings:', ratings])
    .map((sentence) => `${sentence}.`)
    .join(' ');
}

/** Each as its words, without those that lack one. */
function facts(...all: readonly (readonly (string | number | null | undefined)[])[]): string[] {
  return all
    .filter((words) => words.every((word) => word !== null && word !== undefined && word !== ''))
    .map((words) => words.join(' '));
}
