import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** A line of a service's log; lines that are no JSON come as `msg` alone. */
export interface LogLine {
  readonly msg: string;
  readonly service?: string;
  readonly port?: number;
  readonly [field: string]: unknown;
}

export interface ServiceProcessOptions {
  /** `start.ts`, or a service's `main.ts`; from the project's root. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** All of its standard input; it has none by default. */
  readonly input?: string;
}

const root = path.resolve(__dirname, '../..');
const startLimitMs = 20_000;
const running = new Set<ChildProcess>();

/** A service as a user runs it: a process of its own, known by its log and its exit code. */
export class ServiceProcess {
  readonly lines: LogLine[] = [];
  /** Standard error, as it came. */
  errors = '';
  /** The exit code; 128 + n where signal n ended it. */
  readonly exited: Promise<number>;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();

  constructor({ script, args = [], env = {}, input = '' }: ServiceProcessOptions) {
    const child = spawn(process.execPath, ['-r', 'ts-node/register', script, ...args], {
      cwd: root,
      env: { ...process.env, LOG_FORMAT: 'json', ...env },
      stdio: 'pipe',
    });
    // A process that ends early does not read it.
    child.stdin.on('error', () => undefined).end(input);
    running.add(child);
    this.#child = child;
    this.exited = once(child, 'close').then(([code, signal]: unknown[]) => {
      running.delete(child);
      this.#wake();
      return typeof code === 'number' ? code : signal === 'SIGKILL' ? 137 : 255;
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.lines.push(parseLine(line));
      this.#wake();
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      this.errors += chunk;
      this.#wake();
    });
  }

  /** Resolves with the first line that `matches`, also an earlier one; rejects if it ends without one. */
  line(matches: (line: LogLine) => boolean, limitMs = startLimitMs): Promise<LogLine> {
    return this.#until(() => this.lines.find(matches), limitMs);
  }

  /** Resolves with standard error once it `matches`; rejects if the process ends before. */
  errorOutput(matches: (text: string) => boolean, limitMs = startLimitMs): Promise<string> {
    return this.#until(() => (matches(this.errors) ? this.errors : undefined), limitMs);
  }

  async #until<T>(find: () => T | undefined, limitMs: number): Promise<T> {
    const deadline = AbortSignal.timeout(limitMs);
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (this.#child.exitCode !== null || deadline.aborted) {
        throw new Error(
          `no such output in ${limitMs} ms; ${JSON.stringify(this.lines)} ${this.errors}`,
        );
      }
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake);
          deadline.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiting.add(wake);
        deadline.addEventListener('abort', wake);
      });
    }
  }

  /** The port it listens on; `service` where there are several in the process. */
  async port(service?: string): Promise<number> {
    const { port } = await this.line(
      (line) => line.port !== undefined && (service === undefined || line.service === service),
    );
    return port ?? 0;
  }

  ready(): Promise<LogLine> {
    return this.line(({ msg }) => msg === 'ready');
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

/** Ends what a test has left running; for `afterEach`. */
export async function killServiceProcesses(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    }),
  );
}

function parseLine(line: string): LogLine {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === 'object' && parsed !== null && 'msg' in parsed) return parsed as LogLine;
  } catch {
    // Not a log line: what is printed for people.
  }
  return { msg: line };
}
