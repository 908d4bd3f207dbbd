import { metadataSchema, type Metadata } from '@movies/api';
import * as z from 'zod';
import movies from './movies.json';

/** The films that the service starts with; throws if the file is not what the wire format asks for. */
export function loadSampleMovies(): Metadata[] {
  return z.array(metadataSchema).parse(movies);
}
