import type { Clock, Random } from '@movies/time';
import type { AttemptOutcome } from '../attempt';

export interface Behaviour {
  /** Time of a response in milliseconds, drawn for each request; `Infinity`: there is none. */
  readonly ms: (random: Random) => number;
  readonly outcome?: AttemptOutcome;
  /** Requests served at once; others wait for their turn. Any number by default. */
  readonly slots?: number;
}

/** Evenly distributed between 80 % and 120 %. */
export function around(ms: number): Behaviour['ms'] {
  return (random) => ms * (0.8 + 0.4 * random());
}

/** Most of the time `usual`, and `rarely` for this share of the responses, as with a collection of garbage. */
export function withOutliers(
  usual: Behaviour['ms'],
  share: number,
  rarely: Behaviour['ms'],
): Behaviour['ms'] {
  return (random) => (random() < share ? rarely(random) : usual(random));
}

interface Waiting {
  readonly end: (outcome: AttemptOutcome) => void;
  /** What it costs and how it ends is decided when it comes. */
  readonly ms: number;
  readonly outcome: AttemptOutcome;
  isGivenUp: boolean;
}

/** An instance in a simulation: it serves one request after the other, as it is told to behave. */
export class SimulatedServer {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #waiting: Waiting[] = [];
  #next = 0;
  #busy = 0;
  behaviour: Behaviour;

  constructor(behaviour: Behaviour, clock: Clock, random: Random) {
    this.behaviour = behaviour;
    this.#clock = clock;
    this.#random = random;
  }

  /** Calls `end` when the request is served; the returned function gives it up, which frees no slot in use. */
  serve(end: (outcome: AttemptOutcome) => void): () => void {
    const { ms, outcome = 'ok' } = this.behaviour;
    const request = { end, ms: ms(this.#random), outcome, isGivenUp: false };
    if (this.#busy < (this.behaviour.slots ?? Infinity)) this.#begin(request);
    else this.#waiting.push(request);
    return () => {
      request.isGivenUp = true;
    };
  }

  #begin(request: Waiting): void {
    this.#busy += 1;
    this.#clock.schedule(request.ms, () => {
      this.#busy -= 1;
      if (!request.isGivenUp) request.end(request.outcome);
      this.#beginNext();
    });
  }

  #beginNext(): void {
    const slots = this.behaviour.slots ?? Infinity;
    while (this.#busy < slots && this.#next < this.#waiting.length) {
      const next = this.#waiting[this.#next];
      this.#next += 1;
      if (next !== undefined && !next.isGivenUp) this.#begin(next);
    }
    if (this.#next < this.#waiting.length) return;
    this.#waiting.length = 0;
    this.#next = 0;
  }
}
