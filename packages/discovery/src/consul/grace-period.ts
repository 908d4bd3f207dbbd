import type { Clock } from '@movies/time';
import type { Instance } from '../instance';

/** Beats come each 3 s, and fill an agent again that came back empty. */
export const graceMs = 15_000;

/**
 * What a set is after an outage. An agent that came back empty is being filled again by the instances' beats, so that
 * absence removes an instance 15 s after the first response that lacks it, whatever fails meanwhile; or with the next
 * response, if none comes at that time. An instance that was seen again, and every instance without an outage before,
 * is removed at once.
 */
export class GracePeriod {
  readonly #clock: Clock;
  readonly #onRemoved: (instances: readonly Instance[], confirmedAt: number) => void;
  #isOutage = false;
  #receivedAt = 0;
  /** The last response, and what was made of it. */
  #response: readonly Instance[] = [];
  #set: readonly Instance[] = [];
  /** Known before an outage, and not seen since. */
  readonly #missing = new Map<string, { readonly instance: Instance; readonly removeAt: number }>();
  #cancel: () => void = () => undefined;

  /** `onRemoved` is told the set when it has changed without a response, and when the last response came. */
  constructor(
    clock: Clock,
    onRemoved: (instances: readonly Instance[], confirmedAt: number) => void,
  ) {
    this.#clock = clock;
    this.#onRemoved = onRemoved;
  }

  /** There was no response. */
  failed(): void {
    this.#isOutage = true;
  }

  /** The set after a response. */
  received(response: readonly Instance[]): readonly Instance[] {
    this.#response = response;
    this.#receivedAt = this.#clock.now();
    if (this.#isOutage) {
      this.#isOutage = false;
      const removeAt = this.#clock.now() + graceMs;
      for (const instance of this.#set) {
        if (!this.#missing.has(instance.id)) this.#missing.set(instance.id, { instance, removeAt });
      }
    }
    for (const { id } of response) this.#missing.delete(id);
    return this.#update();
  }

  /** Whether the set has instances that the last response lacks. */
  get isKeeping(): boolean {
    return this.#missing.size > 0;
  }

  close(): void {
    this.#cancel();
  }

  #update(): readonly Instance[] {
    const now = this.#clock.now();
    for (const [id, { removeAt }] of this.#missing) {
      if (removeAt <= now) this.#missing.delete(id);
    }
    const missing = [...this.#missing.values()];
    this.#set = [...this.#response, ...missing.map(({ instance }) => instance)];
    this.#cancel();
    if (missing.length > 0) {
      const next = Math.min(...missing.map(({ removeAt }) => removeAt));
      this.#cancel = this.#clock.schedule(next - now, () => {
        // In an outage that has begun meanwhile the set stays, until the next response.
        if (!this.#isOutage) this.#onRemoved(this.#update(), this.#receivedAt);
      });
    }
    return this.#set;
  }
}
