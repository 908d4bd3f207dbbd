import { openSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { answerParent, optionsFromParent } from './answer-parent';
import type { Address } from './client';
import { machineNow } from './machine-clock';
import type { Method } from './request';

/** What a backend does with a request. */
export interface Behaviour {
  /** An answer takes a time between these, on a timer: no processor is used. */
  readonly delayMs: readonly [least: number, most: number];
  readonly status?: 200 | 500 | 503;
  /** This share of the answers takes longer. */
  readonly outliers?: { readonly share: number; readonly extraMs: number };
  /** It works on one request at a time and can do so many a second. Without: as many at a time as come. */
  readonly perSecond?: number;
}

export const healthy: Behaviour = { delayMs: [1, 2] };

export interface BackendOptions {
  readonly id: string;
  readonly port: number;
  readonly behaviour: Behaviour;
  /** Every arrival is appended, so that a kill loses none. */
  readonly arrivalsFile: string;
  /** The port of a client that is a server, too. */
  readonly clientPort: number;
  /** The instances that were started before, for a protocol in which they talk to each other. */
  readonly others: readonly Address[];
}

/** The protocol's part of a backend. */
export interface Server {
  listen(): Promise<void>;
  /** Serves on, but asks callers not to keep their connections. */
  drain(): void;
  /** Takes nothing new, and resolves when what is under way is done. */
  close(): Promise<void>;
}

/** The work behind every protocol. */
export class Work {
  #behaviour: Behaviour;
  readonly #arrivals: number;
  /** Where only one request at a time is worked on. */
  readonly #queue: (() => void)[] = [];
  #isBusy = false;

  constructor({ behaviour, arrivalsFile }: BackendOptions) {
    this.#behaviour = behaviour;
    this.#arrivals = openSync(arrivalsFile, 'a');
  }

  behave(behaviour: Behaviour): void {
    this.#behaviour = behaviour;
    this.#next();
  }

  /** Notes the arrival, does the work, and resolves with the status. It is done also for a caller that has given up. */
  async do(id: number, method: Method): Promise<number> {
    const { delayMs, status = 200, outliers, perSecond } = this.#behaviour;
    writeSync(this.#arrivals, `${id} ${method} ${status} ${machineNow()}\n`);
    if (perSecond !== undefined) {
      await new Promise<void>((finish) => {
        this.#queue.push(finish);
        this.#next();
      });
    }
    const [least, most] = delayMs;
    const extraMs = outliers && Math.random() < outliers.share ? outliers.extraMs : 0;
    const workMs = (perSecond === undefined ? least + Math.random() * (most - least) : 0) + extraMs;
    if (workMs > 0) await delay(workMs);
    return status;
  }

  /** Starts the oldest job that waits, if none is under way; work goes on from `fromMs`. */
  #next(fromMs = machineNow()): void {
    if (this.#isBusy) return;
    const finish = this.#queue.shift();
    if (finish === undefined) return;
    const { perSecond = Infinity } = this.#behaviour;
    const doneAt = fromMs + 1000 / perSecond;
    this.#isBusy = true;
    const onDone = () => {
      this.#isBusy = false;
      finish();
      // From the moment at which it should have been done: late timers take no capacity away.
      this.#next(doneAt);
    };
    setTimeout(onDone, Math.max(0, doneAt - machineNow()));
  }
}

/** Runs a backend in this process, as the parent asks. SIGTERM closes it. */
export function runBackend(create: (options: BackendOptions, work: Work) => Server): void {
  const options = optionsFromParent() as BackendOptions;
  const work = new Work(options);
  const server = create(options, work);
  answerParent({
    listen: () => server.listen(),
    behave: (behaviour: Behaviour) => {
      work.behave(behaviour);
    },
    drain: () => {
      server.drain();
    },
  });
  process.once('SIGTERM', () => {
    void server.close().then(() => process.exit(0));
  });
}
