/** This service's own state; never that of others, or one that is down would make all unready. */
export class Health {
  #reason: string | undefined = 'starting';

  /** Why it is not ready; `undefined` when it is. */
  get reason(): string | undefined {
    return this.#reason;
  }

  get isReady(): boolean {
    return this.#reason === undefined;
  }

  becomeReady(): void {
    this.#reason = undefined;
  }

  becomeUnready(reason: string): void {
    this.#reason = reason;
  }
}
