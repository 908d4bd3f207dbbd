import { byIdQuery, byIdsQuery, metadataBodySchema, searchQuery } from '@movies/api';
import {
  parseInput,
  parseQueryAndBody,
  readJsonBody,
  RequestError,
  type ServiceRouter,
} from '@movies/http-service';
import type { MetadataRepository } from './metadata-repository';
import { searchPage } from './search-page';

/** `GET` and `PUT /metadata?id=`, `GET /metadata?ids=` and `GET /metadata/search?q=&limit=&cursor=` */
export function addMetadataRoutes(router: ServiceRouter, repository: MetadataRepository): void {
  router.get('/metadata', async (ctx) => {
    if (ctx.query['ids'] !== undefined) {
      const { ids } = parseInput(byIdsQuery, ctx.query);
      const items = await repository.getMany(ids, ctx.state.context.timeLeft());
      ctx.body = { items, nextCursor: null };
      return;
    }
    const { id } = parseInput(byIdQuery, ctx.query);
    const metadata = await repository.get(id, ctx.state.context.timeLeft());
    if (metadata === undefined) throw new RequestError('not_found', `there is no movie '${id}'`);
    ctx.body = metadata;
  });

  router.get('/metadata/search', async (ctx) => {
    const search = parseInput(searchQuery, ctx.query);
    ctx.body = await searchPage(search, repository, ctx.state.context.timeLeft());
  });

  router.put('/metadata', async (ctx) => {
    const { query, body } = parseQueryAndBody(
      { schema: byIdQuery, input: ctx.query },
      { schema: metadataBodySchema, input: await readJsonBody(ctx) },
    );
    const { id = query.id, ...rest } = body;
    if (id !== query.id) {
      const detail = `is '${id}' in the body but '${query.id}' in the query`;
      throw new RequestError('invalid_input', `id ${detail}`, {
        faults: [{ parameter: 'id', detail }],
      });
    }
    await repository.put({ id, ...rest }, ctx.state.context.timeLeft());
    ctx.status = 204;
  });
}
