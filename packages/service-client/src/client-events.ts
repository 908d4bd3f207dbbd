import { channel } from 'node:diagnostics_channel';

/** Something that changed how a client picks or calls. */
export interface ClientEvent {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /**
   * `joined`, `left`, `state`: the set; `ejected`, `returned`: health; `hedge`: a second attempt beside a late one;
   * `retry`: an attempt after a failed one; `no_budget`: neither, because the retry budget is spent.
   */
  readonly kind:
    'joined' | 'left' | 'state' | 'ejected' | 'returned' | 'hedge' | 'retry' | 'no_budget';
  /** Id of the instance; absent where it is no instance's. */
  readonly instance?: string;
  readonly cause: string;
}

const kept = 200;

/**
 * The name of the `diagnostics_channel` that hears of every event of every client, as `{ service, ...ClientEvent }`.
 */
export const eventChannelName = '@movies/service-client:event';

const events = channel(eventChannelName);

/** The last 200 events of one client. */
export class ClientEvents {
  readonly #service: string;
  readonly #now: () => number;
  readonly #ring: ClientEvent[] = [];
  #next = 0;

  constructor(service: string, now: () => number) {
    this.#service = service;
    this.#now = now;
  }

  /** Oldest first. */
  get all(): readonly ClientEvent[] {
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)];
  }

  readonly note = (fields: Omit<ClientEvent, 'at'>): void => {
    const event: ClientEvent = { at: this.#now(), ...fields };
    this.#ring[this.#next] = event;
    this.#next = (this.#next + 1) % kept;
    if (events.hasSubscribers) events.publish({ service: this.#service, ...event });
  };
}
