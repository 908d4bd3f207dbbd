/** That something is closed, once, however often and from wherever it is asked for. */
export class Closing {
  #ended: Promise<void> | undefined;

  /** From the first call of `close` on. */
  get hasBegun(): boolean {
    return this.#ended !== undefined;
  }

  /** Runs `end` in the first call, at once, and settles as it does; every later call gets the same promise. */
  close(end: () => Promise<void>): Promise<void> {
    if (this.#ended === undefined) {
      let settle: (ended: Promise<void>) => void = () => undefined;
      // First, since a listener that is told the end may close again.
      this.#ended = new Promise((resolve) => {
        settle = resolve;
      });
      settle(end());
    }
    return this.#ended;
  }
}
