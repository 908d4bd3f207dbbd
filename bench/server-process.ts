import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';

const root = path.resolve(__dirname, '..');
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const running = new Set<ServerProcess>();

export interface ServerProcessOptions {
  readonly script: string;
  readonly args?: readonly string[];
  readonly nodeArgs?: readonly string[];
  /** Where its log goes. */
  readonly logFile: string;
}

/** A server under measurement: started alike for all, and asked what it has used. */
export class ServerProcess {
  readonly #child: ChildProcess;

  constructor({ script, args = [], nodeArgs = [], logFile }: ServerProcessOptions) {
    const log = openSync(logFile, 'a');
    const node = [...nodeArgs, '-r', 'ts-node/register', script, ...args];
    this.#child = spawn(process.execPath, node, {
      cwd: root,
      env: { ...process.env, NODE_ENV: 'production', LOG_FORMAT: 'json' },
      stdio: ['ignore', log, log],
    });
    running.add(this);
  }

  /** Processor time used until now, user and system, in seconds. */
  cpuSeconds(): number {
    return cpuSecondsOf(this.#child.pid ?? 0);
  }

  /** Stops it as Ctrl-C does, and waits until it has ended. */
  async stop(): Promise<void> {
    if (!running.delete(this) || this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGINT');
    await exited;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Ends whatever is still running, at once. */
export function killServerProcesses(): void {
  for (const server of running) server.kill();
}

/** Processor time of any process, from /proc/<pid>/stat (proc(5): fields 14 and 15). */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  return port;
}

/** Resolves once `url` answers 200. */
export async function untilAnswered(url: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await isAnswered(url))) {
    if (performance.now() > deadline) throw new Error(`${url} is not answered`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function isAnswered(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).status === 200;
  } catch {
    // Not listening yet.
    return false;
  }
}
