import type { ApiResponse } from './api-response';
import type { ObjectFilter } from './versioned-objects';

/** A watch that is open, and what can be done to it. */
export interface OpenWatch {
  readonly resource: string;
  /** Sends something as it stands. */
  write(text: string): void;
  event(type: string, object: unknown): void;
  /** Ends it in good order. */
  end(): void;
  /** Breaks its connection. */
  reset(): void;
  /** Sends nothing more, and stays open. */
  mute(): void;
}

/** What a watch was asked for. */
interface WatchCall {
  readonly resource: string;
  readonly query: URLSearchParams;
}

/** The server's side of a watch. */
export class ApiWatch implements OpenWatch {
  readonly resource: string;
  readonly wantsBookmarks: boolean;
  readonly filter: ObjectFilter;
  /** Breaks its connection. */
  readonly reset: () => void;
  readonly #response: ApiResponse;
  #muted = false;

  constructor(
    { resource, query }: WatchCall,
    filter: ObjectFilter,
    response: ApiResponse,
    reset: () => void,
  ) {
    this.reset = reset;
    this.resource = resource;
    this.wantsBookmarks = query.get('allowWatchBookmarks') === 'true';
    this.filter = filter;
    this.#response = response;
  }

  write(text: string): void {
    if (!this.#muted && !this.#response.writableEnded) this.#response.write(text);
  }

  event(type: string, object: unknown): void {
    this.write(`${JSON.stringify({ type, object })}\n`);
  }

  end(): void {
    this.#response.end();
  }

  mute(): void {
    this.#muted = true;
  }
}
