import { answerParent, optionsFromParent } from './answer-parent';
import { OpenLoop, type Sample } from './load';
import { machineClock } from './machine-clock';
import { deadlineMs, randomMethod, type Request } from './request';

/** An instance as the registry has it; all are on 127.0.0.1. A new process is a new id, unless it restarts in place. */
export interface Address {
  readonly id: string;
  readonly port: number;
}

/** A client under test. */
export interface Client {
  /** `ok`, or the name of the failure, as `timeout`, `reset` or `503`. */
  call(request: Request): Promise<string>;
  /** The registry's whole set is another one now. */
  update(addresses: readonly Address[]): void;
  /** The registry is down from now until the next update. */
  loseRegistry?(): void;
  close(): Promise<void>;
}

export interface ClientOptions {
  readonly addresses: readonly Address[];
  /** A free port, for a client that is a server, too. */
  readonly ownPort: number;
}

export interface LoadOptions {
  readonly perSecond: number;
  readonly hasWrites: boolean;
}

/** After the deadline the harness waits this long for the client's own answer. */
const graceMs = 50;

/** Runs a client under test and the load on it in this process, as the parent asks. */
export function runClient(open: (options: ClientOptions) => Client | Promise<Client>): void {
  const opening = Promise.resolve(open(optionsFromParent() as ClientOptions));
  let loop: OpenLoop | undefined;
  answerParent({
    open: async () => {
      await opening;
    },
    start: async ({ perSecond, hasWrites }: LoadOptions) => {
      const client = await opening;
      loop = new OpenLoop({
        perSecond,
        limitMs: deadlineMs + graceMs,
        methodOf: () => (hasWrites ? randomMethod(Math.random) : 'GET'),
        call: (request) => client.call(request),
        clock: machineClock,
      });
      loop.start();
    },
    update: async (addresses: readonly Address[]) => {
      (await opening).update(addresses);
    },
    loseRegistry: async () => {
      (await opening).loseRegistry?.();
    },
    cpuSeconds: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
    stop: async (): Promise<readonly Sample[]> => loop?.stop() ?? [],
    close: async () => {
      await (await opening).close();
    },
  });
}
