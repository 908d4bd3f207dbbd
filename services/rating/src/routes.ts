import { ratingQuery, ratingsQuery, voteQuery } from '@movies/api';
import { parseInput, RequestError, type ServiceRouter } from '@movies/http-service';
import type { RatingRepository } from './rating-repository';

/** `GET /rating?id=&type=`, `GET /ratings?type=&ids=` and `PUT /rating?id=&type=&userId=&value=` */
export function addRatingRoutes(router: ServiceRouter, repository: RatingRepository): void {
  router.get('/rating', async (ctx) => {
    const { id, type } = parseInput(ratingQuery, ctx.query);
    const mean = await repository.mean({ type, id }, ctx.state.context.timeLeft());
    if (mean === undefined) {
      throw new RequestError('not_found', `there are no ratings of ${type} '${id}'`);
    }
    // Koa would take a number for a status; JSON text is what it is on the wire.
    ctx.type = 'application/json';
    ctx.body = JSON.stringify(mean);
  });

  router.get('/ratings', async (ctx) => {
    const { type, ids } = parseInput(ratingsQuery, ctx.query);
    const means = await repository.means(type, ids, ctx.state.context.timeLeft());
    ctx.body = { items: Array.from(means, ([id, rating]) => ({ id, rating })), nextCursor: null };
  });

  router.put('/rating', async (ctx) => {
    const { id, type, userId, value } = parseInput(voteQuery, ctx.query);
    await repository.vote({ type, id }, userId, value, ctx.state.context.timeLeft());
    ctx.status = 204;
  });
}
