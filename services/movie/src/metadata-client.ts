import {
  metadataListSchema,
  metadataPath,
  metadataSchema,
  searchPath,
  type List,
  type Metadata,
  type SearchQuery,
} from '@movies/api';
import type { RequestContext } from '@movies/http-service';
import type { ServiceClient } from '@movies/service-client';

/** The metadata service, as movie calls it. */
export class MetadataClient {
  readonly #client: ServiceClient;

  constructor(client: ServiceClient) {
    this.#client = client;
  }

  /** What is known of a movie; `undefined` if it is not known. Rejects with `UpstreamError`. */
  async get(id: string, context: RequestContext): Promise<Metadata | undefined> {
    const request = { method: 'GET', path: metadataPath(id) } as const;
    const response = await context.call(this.#client, request);
    if (response.status === 404) return undefined;
    if (response.status !== 200) throw response.unexpected('the status is not 200 or 404');
    const parsed = metadataSchema.safeParse(response.json());
    if (!parsed.success) throw response.unexpected('the body is no metadata', parsed.error);
    return parsed.data;
  }

  /** A page of the movies that a search finds. Rejects with `UpstreamError`. */
  async search(query: SearchQuery, context: RequestContext): Promise<List<Metadata>> {
    const request = { method: 'GET', path: searchPath(query) } as const;
    const response = await context.call(this.#client, request);
    if (response.status !== 200) throw response.unexpected('the status is not 200');
    const parsed = metadataListSchema.safeParse(response.json());
    if (!parsed.success) throw response.unexpected('the body is no list', parsed.error);
    return parsed.data;
  }
}
