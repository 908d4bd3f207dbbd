import { systemClock, type Clock } from '@movies/time';
import { allReady, type LateService } from './all-ready';
import { ConfigError } from './config-error';
import { helpText, parseSettings, wantsHelp, type Settings, type SettingValues } from './settings';
import type { RunningService } from './start-service';
import { onStopSignal } from './stop-signals';

/** A start takes a second or so; a database that is far away, or restored, a few. */
const lateAfterMs = 30_000;

/** What a process ends with; 128 + signal on a second signal. */
const exitCodes = { cleanStop: 0, failure: 1, badConfig: 78 } as const;

export interface ProcessDefinition<S extends Settings> {
  /** First line of `--help`. */
  readonly usage: string;
  readonly settings: S;
  /** What to start, one after the other; stopped in reverse, so that a caller goes before what it calls. */
  readonly services: (values: SettingValues<S>) => readonly (() => Promise<RunningService>)[];
  /** Closes what the services shared, after the last of them. */
  readonly release: (values: SettingValues<S>) => Promise<void>;
  /** Called once, when all are ready. */
  readonly onReady?: (services: readonly RunningService[]) => void;
  /** Called once, if services are not ready 30 s after they accept connections; the process waits on for them. */
  readonly onLate: (late: readonly LateService[], services: readonly RunningService[]) => void;
}

/** Runs services as this process: settings, signals, exit codes. Resolves when they are started. */
export async function runProcess<S extends Settings>(
  definition: ProcessDefinition<S>,
  clock: Clock = systemClock,
): Promise<void> {
  const argv = process.argv.slice(2);
  if (wantsHelp(argv)) {
    process.stdout.write(helpText(definition.usage, definition.settings));
    return;
  }
  try {
    const values = parseSettings(definition.settings, { argv, env: process.env });
    await new ServiceProcess(definition, values, clock).start();
  } catch (error: unknown) {
    process.stderr.write(`${describeStartError(error)}\n`);
    process.exitCode = error instanceof ConfigError ? exitCodes.badConfig : exitCodes.failure;
  }
}

class ServiceProcess<S extends Settings> {
  readonly #definition: ProcessDefinition<S>;
  readonly #values: SettingValues<S>;
  readonly #clock: Clock;
  readonly #running: RunningService[] = [];

  constructor(definition: ProcessDefinition<S>, values: SettingValues<S>, clock: Clock) {
    this.#definition = definition;
    this.#values = values;
    this.#clock = clock;
  }

  async start(): Promise<void> {
    onStopSignal(() => void this.#stopAndExit());
    try {
      for (const start of this.#definition.services(this.#values))
        this.#running.push(await start());
    } catch (error: unknown) {
      await this.#stop();
      throw error;
    }
    await allReady(this.#running, {
      clock: this.#clock,
      lateAfterMs,
      onLate: (late) => {
        this.#definition.onLate(late, this.#running);
      },
    });
    this.#definition.onReady?.(this.#running);
  }

  async #stopAndExit(): Promise<void> {
    const clean = await this.#stop();
    // Nothing should be left to wait for; if something is, it must not keep the process running.
    process.exit(clean ? exitCodes.cleanStop : exitCodes.failure);
  }

  async #stop(): Promise<boolean> {
    let clean = true;
    for (const service of this.#running.toReversed()) clean = (await service.stop()) && clean;
    await this.#definition.release(this.#values);
    return clean;
  }
}

function describeStartError(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  const { code, port, address, hostname, message } = error as NodeJS.ErrnoException & {
    readonly port?: number;
    readonly address?: string;
    readonly hostname?: string;
  };
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port ?? ''} is taken: stop what listens there, or choose another (--help; 0 picks a free one).`;
    case 'EACCES':
      return `Port ${port ?? ''} may not be used: choose one above 1023 (--help).`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `The address ${address ?? hostname ?? ''} is none of this machine: choose another with --host.`;
    default:
      return `Could not start: ${message}`;
  }
}
