import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const root = path.resolve(__dirname, '../..');
const running = new Set<BenchProcess>();

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** A process that does one part of a measurement and answers questions about it (see `answer`). */
export class BenchProcess {
  readonly #name: string;
  readonly #child: ChildProcess;
  #asked = 0;

  constructor(script: string, args: readonly string[]) {
    this.#name = path.basename(script, '.ts');
    this.#child = fork(path.join(root, script), args, {
      cwd: root,
      execArgv: ['--expose-gc', '-r', 'ts-node/register'],
      env: { ...process.env, NODE_ENV: 'production' },
    });
    running.add(this);
  }

  /** What the process answers; rejects with its error, when it ends, or after `limitMs`. */
  async ask<T>(question: string, limitMs = 60_000): Promise<T> {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        clearTimeout(timer);
        this.#child.off('message', onMessage).off('exit', onExit);
        finish();
      };
      const fail = (what: string) => {
        settle(() => {
          reject(new Error(`${this.#name}, asked for '${question}': ${what}`));
        });
      };
      const onMessage = (message: unknown) => {
        const answer = message as Answer;
        if (answer.id !== id) return;
        if (answer.error !== undefined) fail(answer.error);
        else
          settle(() => {
            resolve(answer.value as T);
          });
      };
      const onExit = () => {
        fail('it has ended');
      };
      const timer = setTimeout(fail, limitMs, `no answer in ${limitMs} ms`);
      this.#child.on('message', onMessage).once('exit', onExit);
      if (this.#child.exitCode === null) this.#child.send({ id, question });
      else onExit();
    });
  }

  /** Ends it and waits until it has; what it holds is measured and not to be kept. */
  async stop(): Promise<void> {
    if (!running.delete(this) || this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.kill();
    await exited;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Ends whatever is still running, at once. */
export function killBenchProcesses(): void {
  for (const each of running) each.kill();
}
