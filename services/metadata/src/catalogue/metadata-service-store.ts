import { metadataListSchema, metadataPath, metadataPaths, type Metadata } from '@movies/api';
import { Backoff, delay, type Clock, type Random } from '@movies/time';
import * as z from 'zod';
import { CatalogueError } from './catalogue-error';
import type { FilmStore } from './film-store';

/** Statuses that another try may change: too much at once, or a service, or a proxy before it, in trouble. */
const passingStatuses = new Set([429, 500, 502, 503, 504]);

export interface MetadataServiceStoreOptions {
  /** Of the service, without a path: `http://localhost:8081`. */
  readonly url: string;
  /** How long it is tried again where nothing can be had; then the import ends. */
  readonly patienceMs: number;
  /** How long one answer may take. */
  readonly answerLimitMs: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Hears why something is tried again. */
  readonly onRetry: (reason: string) => void;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A running metadata service, over HTTP. */
export class MetadataServiceStore implements FilmStore {
  readonly #options: MetadataServiceStoreOptions;

  constructor(options: MetadataServiceStoreOptions) {
    this.#options = options;
  }

  async known(ids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Metadata>> {
    const lists = await Promise.all(metadataPaths(ids).map((path) => this.#list(path, signal)));
    return new Map(lists.flat().map((film) => [film.id, film]));
  }

  async put(film: Metadata, signal: AbortSignal): Promise<string | undefined> {
    const answer = await this.#ask(signal, metadataPath(film.id), {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(film),
    });
    if (answer.status === 204) return undefined;
    if (answer.status === 400 || answer.status === 413) {
      return `the service refuses it: ${detailOf(answer)}`;
    }
    throw this.#unknown('PUT /metadata', answer);
  }

  async #list(path: string, signal: AbortSignal): Promise<readonly Metadata[]> {
    const answer = await this.#ask(signal, path, {});
    const parsed = metadataListSchema.safeParse(
      answer.status === 200 ? parseJson(answer) : undefined,
    );
    if (!parsed.success) throw this.#unknown('GET /metadata?ids=', answer);
    return parsed.data.items;
  }

  /** Asks until there is an answer to go by. */
  async #ask(signal: AbortSignal, path: string, request: RequestInit): Promise<Answer> {
    const { clock, random, patienceMs, onRetry } = this.#options;
    const backoff = new Backoff({ initialMs: 250, maxMs: 5000, random });
    const giveUpAt = clock.now() + patienceMs;
    for (;;) {
      const outcome = await this.#exchange(path, request);
      if ('answer' in outcome) return outcome.answer;
      signal.throwIfAborted();
      const pauseMs = Math.max(backoff.next(), outcome.retryAfterMs);
      if (clock.now() + pauseMs > giveUpAt) throw this.#unavailable(outcome.reason);
      onRetry(outcome.reason);
      await delay(pauseMs, clock, signal);
    }
  }

  /** One try. It is not cut short by a stop: whether a film is there should be known. */
  async #exchange(
    path: string,
    request: RequestInit,
  ): Promise<{ answer: Answer } | { reason: string; retryAfterMs: number }> {
    const { url, answerLimitMs, clock } = this.#options;
    const limit = new AbortController();
    const cancelLimit = clock.schedule(answerLimitMs, () => {
      limit.abort(new Error(`no answer within ${answerLimitMs / 1000} s`));
    });
    try {
      const response = await fetch(url + path, { ...request, signal: limit.signal });
      const answer = { status: response.status, text: await response.text() };
      if (!passingStatuses.has(answer.status)) return { answer };
      const retryAfterMs = 1000 * (Number(response.headers.get('retry-after')) || 0);
      return { reason: `it answers ${answer.status}: ${detailOf(answer)}`, retryAfterMs };
    } catch (error: unknown) {
      return { reason: reasonOf(error), retryAfterMs: 0 };
    } finally {
      cancelLimit();
    }
  }

  #unavailable(reason: string): CatalogueError {
    const { url, patienceMs } = this.#options;
    return new CatalogueError(
      'service_unavailable',
      `the metadata service at ${url} could not be had for ${patienceMs / 1000} s (${reason}). ` +
        'Is it running, as `make start` runs it? Is it elsewhere (--url)?',
    );
  }

  #unknown(what: string, answer: Answer): CatalogueError {
    return new CatalogueError(
      'service_unknown',
      `what answers at ${this.#options.url} is no metadata service that imports can use: ${what} gave ` +
        `${answer.status}, ${detailOf(answer)}. Is the address right (--url)?`,
    );
  }
}

const problemSchema = z.object({ detail: z.string() });

/** What a problem document says, or the beginning of whatever else came. */
function detailOf(answer: Answer): string {
  const problem = problemSchema.safeParse(parseJson(answer));
  return problem.success ? problem.data.detail : JSON.stringify(answer.text.slice(0, 80));
}

function parseJson({ text }: Answer): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** `fetch` says no more than that it failed; what happened is in the cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error & { readonly cause?: NodeJS.ErrnoException };
  return cause?.code ?? cause?.message ?? message;
}
