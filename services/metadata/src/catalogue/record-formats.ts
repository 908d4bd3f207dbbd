import { metadataSchema, type Metadata } from '@movies/api';
import type * as z from 'zod';
import { vegaFilmSchema } from './vega-film';

/** Makes a film of one record, or says what it lacks. */
export type RecordFormat = z.ZodType<Metadata>;

export type RecordFormatName = 'movies' | 'vega';

/** How the records of a catalogue may be written; `movies` is as `PUT /metadata` takes them. */
export const recordFormats: Readonly<Record<RecordFormatName, RecordFormat>> = {
  movies: metadataSchema,
  vega: vegaFilmSchema,
};
