/** Requests under way at any time. */
const concurrency = 4;

/** Asks for a movie without pause, and notes when each instance of `rating` first served, by `performance.now()`. */
export class ServedTimes {
  readonly at = new Map<string, number>();

  /** Statuses other than 200. */
  readonly faults: number[] = [];

  #stopped = false;
  readonly #loops: Promise<unknown>;

  constructor(url: string) {
    this.#loops = Promise.all(Array.from({ length: concurrency }, () => this.#ask(url)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#loops;
  }

  async #ask(url: string): Promise<void> {
    while (!this.#stopped) {
      const answer = await fetch(`${url}/movie?id=1`, { signal: AbortSignal.timeout(5000) });
      await answer.arrayBuffer();
      if (answer.status !== 200) this.faults.push(answer.status);
      const rating = ratingOf(answer.headers.get('x-upstreams') ?? '');
      if (rating !== undefined && !this.at.has(rating)) this.at.set(rating, performance.now());
    }
  }
}

function ratingOf(upstreams: string): string | undefined {
  return /\brating=([^,\s]+)/.exec(upstreams)?.[1];
}
