import { ratingQuery, ratingsQuery, voteQuery } from '@movies/api';
import type { QueryOptions } from '@movies/database';
import {
  parseInput,
  RequestError,
  type RequestContext,
  type ServiceRouter,
} from '@movies/http-service';
import type { RatingRepository } from './rating-repository';

/** Time kept back, so that an answer made at the last moment still reaches the client in time. */
const reserveMs = 20;

/** `GET /rating?id=&type=`, `GET /ratings?type=&ids=` and `PUT /rating?id=&type=&userId=&value=` */
export function addRatingRoutes(router: ServiceRouter, repository: RatingRepository): void {
  router.get('/rating', async (ctx) => {
    const { id, type } = parseInput(ratingQuery, ctx.query);
    const mean = await repository.mean({ type, id }, within(ctx.state.context));
    if (mean === undefined) {
      throw new RequestError('not_found', `there are no ratings of ${type} '${id}'`);
    }
    // Koa would take a number for a status; JSON text is what it is on the wire.
    ctx.type = 'application/json';
    ctx.body = JSON.stringify(mean);
  });

  router.get('/ratings', async (ctx) => {
    const { type, ids } = parseInput(ratingsQuery, ctx.query);
    const means = await repository.means(type, ids, within(ctx.state.context));
    ctx.body = { items: Array.from(means, ([id, rating]) => ({ id, rating })), nextCursor: null };
  });

  router.put('/rating', async (ctx) => {
    const { id, type, userId, value } = parseInput(voteQuery, ctx.query);
    await repository.vote({ type, id }, userId, value, within(ctx.state.context));
    ctx.status = 204;
  });
}

/** What is left of the request's time. */
function within(context: RequestContext): QueryOptions {
  return { timeoutMs: context.timeLeftMs(reserveMs) };
}
