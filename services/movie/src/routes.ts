import { byIdQuery } from '@movies/api';
import { parseInput, type ServiceRouter } from '@movies/http-service';
import { getMovie, type MovieSources } from './get-movie';

/** `GET /movie?id=` */
export function addMovieRoutes(router: ServiceRouter, sources: MovieSources): void {
  router.get('/movie', async (ctx) => {
    const { id } = parseInput(byIdQuery, ctx.query);
    ctx.body = await getMovie(id, sources, ctx.state.context);
  });
}
