import { byIdQuery, searchQuery } from '@movies/api';
import { parseInput, type ServiceRouter } from '@movies/http-service';
import { getMovie, type MovieSources } from './get-movie';
import { listMovies } from './list-movies';

/** `GET /movie?id=` and `GET /movies?q=&limit=&cursor=` */
export function addMovieRoutes(router: ServiceRouter, sources: MovieSources): void {
  router.get('/movie', async (ctx) => {
    const { id } = parseInput(byIdQuery, ctx.query);
    ctx.body = await getMovie(id, sources, ctx.state.context);
  });

  router.get('/movies', async (ctx) => {
    const query = parseInput(searchQuery, ctx.query);
    ctx.body = await listMovies(query, sources, ctx.state.context);
  });
}
