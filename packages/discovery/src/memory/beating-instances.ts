import type { Clock } from '@movies/time';
import type { Sink, Source } from '../adapter/source';
import { createInstance, type Instance, type InstanceState } from '../instance';

/** The place of one registration; a later one of the same id takes the place of an earlier one. */
export interface Standing {
  state: InstanceState;
  /** Puts the instance in, unless a later registration of its id is there. */
  beat(): void;
  /** Takes the instance out, unless a later registration of its id is there. */
  remove(): void;
}

interface Entry {
  readonly instance: Instance;
  readonly beatAt: number;
  /** The registration that it comes from; later ones have a higher number. */
  readonly registration: number;
}

/** The instances of one process by service, each for as long as it beats. */
export class BeatingInstances {
  readonly #staleAfterMs: number;
  readonly #clock: Clock;
  readonly #services = new Map<string, Map<string, Entry>>();
  readonly #sinks = new Map<string, Sink>();
  readonly #cancelPrune = new Map<string, () => void>();
  #registrations = 0;

  constructor(staleAfterMs: number, clock: Clock) {
    this.#staleAfterMs = staleAfterMs;
    this.#clock = clock;
  }

  /** Puts an instance in. */
  add(instance: Instance): Standing {
    const registration = ++this.#registrations;
    const standing: Standing = {
      state: instance.state,
      beat: () => {
        this.#put(createInstance({ ...instance, state: standing.state }), registration);
      },
      remove: () => {
        this.#remove(instance, registration);
      },
    };
    this.#put(instance, registration);
    return standing;
  }

  /** Tells `sink` the instances of a service, now and whenever they change. */
  source(service: string, sink: Sink): Source {
    return {
      turn: () => {
        this.#sinks.set(service, sink);
        this.#prune(service);
        return Promise.resolve(Infinity);
      },
      close: () => {
        if (this.#sinks.get(service) !== sink) return;
        this.#sinks.delete(service);
        this.#schedulePrune(service, []);
      },
    };
  }

  #put(instance: Instance, registration: number): void {
    const entries = this.#services.get(instance.service) ?? new Map<string, Entry>();
    this.#services.set(instance.service, entries);
    const present = entries.get(instance.id);
    if (present !== undefined && present.registration > registration) return;
    entries.set(instance.id, { instance, beatAt: this.#clock.now(), registration });
    this.#publish(instance.service);
  }

  #remove({ service, id }: Instance, registration: number): void {
    const entries = this.#services.get(service);
    if (entries?.get(id)?.registration !== registration) return;
    entries.delete(id);
    this.#publish(service);
  }

  /**
   * Takes out what is stale. Only here and not with every beat: after the event loop was blocked all
   * beats are late, and the first of them would take out the others.
   */
  #prune(service: string): void {
    const entries = this.#services.get(service);
    const now = this.#clock.now();
    for (const [id, { beatAt }] of entries ?? []) {
      if (beatAt + this.#staleAfterMs < now) entries?.delete(id);
    }
    this.#publish(service);
  }

  /** Tells what is known, and prunes when the next instance could be stale. */
  #publish(service: string): void {
    const entries = [...(this.#services.get(service)?.values() ?? [])];
    if (entries.length === 0) this.#services.delete(service);
    const sink = this.#sinks.get(service);
    if (sink === undefined) return;
    this.#schedulePrune(service, entries);
    sink.publish(entries.map(({ instance }) => instance));
  }

  #schedulePrune(service: string, entries: readonly Entry[]): void {
    this.#cancelPrune.get(service)?.();
    this.#cancelPrune.delete(service);
    if (entries.length === 0) return;
    const staleAt = Math.min(...entries.map(({ beatAt }) => beatAt)) + this.#staleAfterMs;
    const prune = this.#clock.schedule(staleAt - this.#clock.now() + 1, () => {
      this.#prune(service);
    });
    this.#cancelPrune.set(service, prune);
  }
}
