import { byIdQuery, byIdsQuery, metadataSchema, searchQuery } from '@movies/api';
import type { QueryOptions } from '@movies/database';
import {
  parseInput,
  parseQueryAndBody,
  readJsonBody,
  RequestError,
  type RequestContext,
  type ServiceRouter,
} from '@movies/http-service';
import type { MetadataRepository } from './metadata-repository';
import { searchPage } from './search-page';

/** Time kept back, so that an answer made at the last moment still reaches the client in time. */
const reserveMs = 20;

/** `GET` and `PUT /metadata?id=`, `GET /metadata?ids=` and `GET /metadata/search?q=&limit=&cursor=` */
export function addMetadataRoutes(router: ServiceRouter, repository: MetadataRepository): void {
  router.get('/metadata', async (ctx) => {
    if (ctx.query['ids'] !== undefined) {
      const { ids } = parseInput(byIdsQuery, ctx.query);
      const items = await repository.getMany(ids, within(ctx.state.context));
      ctx.body = { items, nextCursor: null };
      return;
    }
    const { id } = parseInput(byIdQuery, ctx.query);
    const metadata = await repository.get(id, within(ctx.state.context));
    if (metadata === undefined) throw new RequestError('not_found', `there is no movie '${id}'`);
    ctx.body = metadata;
  });

  router.get('/metadata/search', async (ctx) => {
    const search = parseInput(searchQuery, ctx.query);
    ctx.body = await searchPage(search, repository, within(ctx.state.context));
  });

  router.put('/metadata', async (ctx) => {
    const { query, body: metadata } = parseQueryAndBody(
      { schema: byIdQuery, input: ctx.query },
      { schema: metadataSchema, input: await readJsonBody(ctx) },
    );
    const { id } = query;
    if (metadata.id !== id) {
      const detail = `is '${metadata.id}' in the body but '${id}' in the query`;
      throw new RequestError('invalid_input', `id ${detail}`, {
        faults: [{ parameter: 'id', detail }],
      });
    }
    await repository.put(metadata, within(ctx.state.context));
    ctx.status = 204;
  });
}

/** What is left of the request's time. */
function within(context: RequestContext): QueryOptions {
  return { timeoutMs: context.timeLeftMs(reserveMs) };
}
