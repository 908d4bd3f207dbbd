import { loadSampleMovies } from '../../services/metadata/src/sample-movies';

/** The same data as the services measured against. */
export const films = new Map(loadSampleMovies().map((film) => [film.id, film]));

/** The one rating that there is: what the measured services were told. */
export const mean = 4.5;
