import { meanSchema, ratingPath } from '@movies/api';
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
}
