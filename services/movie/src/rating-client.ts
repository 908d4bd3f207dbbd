import { meanSchema, ratingListSchema, ratingPath, ratingsPaths } from '@movies/api';
import type { RequestContext } from '@movies/http-service';
import type { ServiceClient } from '@movies/service-client';

/** A rating that comes later than this before the deadline is done without. */
const reserveMs = 100;

/** The rating service, as movie calls it. */
export class RatingClient {
  readonly #client: ServiceClient;

  constructor(client: ServiceClient) {
    this.#client = client;
  }

  /** The mean of a movie's ratings; `undefined` if there are none. Rejects with `UpstreamError`. */
  async mean(id: string, context: RequestContext): Promise<number | undefined> {
    const request = { method: 'GET', path: ratingPath('movie', id) } as const;
    const response = await context.call(this.#client, request, reserveMs);
    if (response.status === 404) return undefined;
    if (response.status !== 200) throw response.unexpected('the status is not 200 or 404');
    const parsed = meanSchema.safeParse(response.json());
    if (!parsed.success) throw response.unexpected('the body is no mean', parsed.error);
    return parsed.data;
  }

  /**
   * The means of those movies that have ratings, by id. One call, or as few as 8 KiB of path allow, at the
   * same time; none for no ids. Rejects with `UpstreamError`.
   */
  async means(
    ids: readonly string[],
    context: RequestContext,
  ): Promise<ReadonlyMap<string, number>> {
    const paths = ratingsPaths('movie', ids);
    const lists = await Promise.all(paths.map((path) => this.#list(path, context)));
    return new Map(lists.flat().map(({ id, rating }) => [id, rating]));
  }

  async #list(path: string, context: RequestContext) {
    const response = await context.call(this.#client, { method: 'GET', path }, reserveMs);
    if (response.status !== 200) throw response.unexpected('the status is not 200');
    const parsed = ratingListSchema.safeParse(response.json());
    if (!parsed.success) throw response.unexpected('the body is no list of ratings', parsed.error);
    return parsed.data.items;
  }
}
